import CoreMetrics
import Foundation
import MessagePack
import OpenPI
import PrometheusMetrics
import TestSupport
import VLAEval

/// Feeds `count` changed messages to a codec. A crash ends the process; so does a reader that takes more than it says.
func mutate(_ kind: String, count: Int, seed: UInt64) throws {
  let accepted: Int
  switch kind {
  case "protobuf": accepted = try OwnMutations.protobuf(count: count, seed: seed)
  case "recording": accepted = try OwnMutations.recording(count: count, seed: seed)
  case "console": accepted = try OwnMutations.console(count: count, seed: seed)
  case "msgpack", "openpi", "vla-eval": accepted = try mutateClients(kind, count: count, seed: seed)
  default: usage()
  }
  print("mutate: \(kind), seed \(seed): of \(count) messages \(accepted) were still some, the others were refused")
}

/// Changed messages of real clients.
private func mutateClients(_ kind: String, count: Int, seed: UInt64) throws -> Int {
  struct Values: Decodable {
    struct Array: Decodable {
      var hex: Hex
    }

    var arrays: [Array]
    var values: [Hex]
  }
  struct Observations: Decodable {
    var libero: Hex
    var droid: Hex
    var aloha: Hex
  }
  struct Frames: Decodable {
    var frames: [String: Hex]
  }
  let values = try Recorded.load(Values.self, of: "MessagePackTests")
  let observations = try Recorded.load(Observations.self, of: "OpenPITests")
  let frames = try Recorded.load(Frames.self, of: "VLAEvalTests").frames.sorted { $0.key < $1.key }.map(\.value.bytes)
  let arrays = (values.arrays.map(\.hex) + values.values).map(\.bytes).filter { $0.count < 4_000 }
  let openpi = [observations.libero, observations.droid, observations.aloha].map(\.bytes)
  let droid = OpenPICodec(
    keys: OpenPIKeys(
      cameras: [.init(name: "left", key: "observation/exterior_image_1_left")],
      state: ["observation/joint_position", "observation/gripper_position"]))
  let aloha = OpenPICodec(
    keys: OpenPIKeys(cameras: [.init(name: "high", key: "images/cam_high")], state: ["state"]))
  let libero = OpenPICodec(keys: OpenPIKeys(camerasNamed: ["front", "wrist"]))
  let vla = VLACodec(keys: VLAKeys(camerasNamed: ["agentview", "wrist"]))

  var random = SeededGenerator(seed: seed)
  var accepted = 0
  for round in 0..<count {
    switch kind {
    case "msgpack":
      guard let value = try? MessagePackValue(decoding: random.mutated(arrays[round % arrays.count])) else { continue }
      accepted += 1
      if let array = try? NumericArray(value) {
        precondition(array.doubles.count == array.count && array.count == array.shape.reduce(1, *))
        let again = try NumericArray(MessagePackValue(decoding: array.messagePack(.npy).encoded()))
        precondition(again == array)
      }
      _ = try? WireImage(value)
      let written = try value.encoded()
      let again = try MessagePackValue(decoding: written).encoded()
      precondition(again == written)
    case "openpi":
      let bytes = random.mutated(openpi[round % 3])
      if (try? [libero, droid, aloha][round % 3].observation(bytes)) != nil { accepted += 1 }
    default:
      if (try? vla.frame(random.mutated(frames[round % frames.count]))) != nil { accepted += 1 }
    }
  }
  return accepted
}

/// What a daemon would show, for promtool.
func sampleMetrics() -> String {
  let registry = MetricsRegistry([
    MetricDeclaration("uio2_requests_total", .counter, "Requests by wire and outcome."),
    MetricDeclaration(
      "uio2_stage_duration_seconds", .histogram(buckets: MetricDeclaration.seconds),
      "Stages of steps, with \"quotes\" \\."),
    MetricDeclaration("uio2_queued_requests", .gauge, "Requests that wait."),
    MetricDeclaration("uio2_unused_total", .counter, "Nothing was counted yet."),
  ])
  for wire in ["openpi", "zmq \"\\\n"] {
    Counter(label: "uio2_requests_total", dimensions: [("wire", wire), ("outcome", "acted")], factory: registry)
      .increment()
    let timer = Timer(label: "uio2_stage_duration_seconds", dimensions: [("wire", wire)], factory: registry)
    for value: Int64 in [1, 1_000_000, 30_000_000, 90_000_000_000] { timer.recordNanoseconds(value) }
  }
  registry.show("uio2_queued_requests") { 3 }
  return registry.text()
}
