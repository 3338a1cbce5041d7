import Foundation
import MCAP

/// What the messages of a recording look like.
enum Schemas {
  static let request = protobuf("uio2.v1.Request", SchemaData.protocolMessages)
  static let reply = protobuf("uio2.v1.Reply", SchemaData.protocolMessages)
  static let compressedImage = protobuf("foxglove.CompressedImage", SchemaData.compressedImage)
  static let rawImage = protobuf("foxglove.RawImage", SchemaData.rawImage)
  static let log = protobuf("foxglove.Log", SchemaData.log)
  static let poseInFrame = protobuf("foxglove.PoseInFrame", SchemaData.poseInFrame)
  static let jointStates = protobuf("foxglove.JointStates", SchemaData.jointStates)
  static let command = json(
    "uio2.Command",
    #"""
    {"type":"object","properties":{"sequence":{"type":"integer"},"values":{"type":"object"},
    "actions":{"type":"array","items":{"type":"array","items":{"type":"number"}}},
    "limited":{"type":"array","items":{"type":"integer"}},"confidence":{"type":"number"},"text":{"type":"string"},
    "observation_age_ms":{"type":"number"},"latency_ms":{"type":"object"}}}
    """#)
  static let episode = json(
    "uio2.Episode",
    #"""
    {"type":"object","properties":{"event":{"type":"string"},"session":{"type":"string"},"task":{"type":"string"},
    "seed":{"type":"integer"},"success":{"type":"boolean"},"success_at_end":{"type":"boolean"},
    "steps":{"type":"integer"},"instruction":{"type":"string"}}}
    """#)
  static let losses = json(
    "uio2.Losses",
    #"""
    {"type":"object","properties":{"reason":{"type":"string"},"messages":{"type":"integer"},
    "bytes":{"type":"integer"},"since_ns":{"type":"integer"},"until_ns":{"type":"integer"}}}
    """#)

  private static func protobuf(_ name: String, _ base64: String) -> MCAPSchema {
    MCAPSchema(name: name, encoding: "protobuf", data: [UInt8](Data(base64Encoded: base64) ?? Data()))
  }

  private static func json(_ name: String, _ text: String) -> MCAPSchema {
    MCAPSchema(name: name, encoding: "jsonschema", data: [UInt8](text.utf8))
  }
}
