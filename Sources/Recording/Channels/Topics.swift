import MCAP
import RobotInterface

/// Where viewers find things.
enum Topics {
  static let request = MCAPChannel(topic: "/uio2/request", messageEncoding: "protobuf", schema: Schemas.request)
  static let reply = MCAPChannel(topic: "/uio2/reply", messageEncoding: "protobuf", schema: Schemas.reply)
  /// Of replies whose client had gone or did not read.
  static let undelivered = MCAPChannel(
    topic: "/uio2/reply/undelivered", messageEncoding: "protobuf", schema: Schemas.reply)
  static let episode = MCAPChannel(topic: "/uio2/episode", messageEncoding: "json", schema: Schemas.episode)
  static let losses = MCAPChannel(topic: "/uio2/losses", messageEncoding: "json", schema: Schemas.losses)
  static let log = MCAPChannel(topic: "/log", messageEncoding: "protobuf", schema: Schemas.log)

  static func camera(_ frame: CameraFrame, of session: String) -> MCAPChannel {
    let schema = frame.encoding == .rgb8 ? Schemas.rawImage : Schemas.compressedImage
    return channel(frame.camera, of: session, "protobuf", schema)
  }

  static func state(of session: String) -> MCAPChannel {
    channel("state", of: session, "protobuf", Schemas.jointStates)
  }
  static func pose(of session: String) -> MCAPChannel { channel("pose", of: session, "protobuf", Schemas.poseInFrame) }
  static func command(of session: String) -> MCAPChannel { channel("command", of: session, "json", Schemas.command) }

  private static func channel(
    _ part: String, of session: String, _ encoding: String, _ schema: MCAPSchema
  ) -> MCAPChannel {
    MCAPChannel(
      topic: "/\(word(session))/\(word(part))", messageEncoding: encoding, schema: schema,
      metadata: ["session": session])
  }

  /// A name as a part of a topic: viewers split topics and paths at other characters.
  private static func word(_ name: String) -> String {
    String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) ? $0 : "_" })
  }
}
