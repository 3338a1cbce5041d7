import Foundation
import MessagePack
import RobotInterface
import VLAEval
import WebServer

/// A harness of vla-eval: one action a step. The actions of a chunk are given out one after the other, as long as they are valid; then the
/// policy is asked again.
struct VLAEvalDialect: WebDialect {
  static let name = "vla-eval"
  static let clientName = "a harness of vla-eval"

  private let capabilities: Capabilities
  private let codec: VLACodec
  private var server: VLAServer
  private var chunk: ActionChunk?
  private var given = 0
  /// Whether the harness's world goes on while it waits.
  private var isLive = false
  /// Of the observation that the last chunk answers.
  private var instruction = ""

  init(_ capabilities: Capabilities, _ codec: VLACodec) {
    self.capabilities = capabilities
    self.codec = codec
    server = VLAServer(capabilities, sendsState: !codec.keys.state.isEmpty)
  }

  mutating func void() { (chunk, given) = (nil, 0) }

  mutating func read(_ message: WebMessage, of session: String, arrivedAt: UInt64, at now: UInt64) -> WebTurn {
    guard case .binary(let bytes) = message else {
      return .close(code: 1003, reason: "expected msgpack in a binary frame")
    }
    let frame: VLAFrame
    do throws(VLAError) { frame = try codec.frame(bytes) } catch {
      return .refused(failure(error.description, error.sequence))
    }
    switch frame.body {
    case .hello:
      server.facts["session"] = session
      guard let hello = try? codec.hello(server, answering: frame.sequence, at: Self.seconds) else {
        return .answer([])
      }
      return .answer([.binary(hello)])
    case .episodeStart(let episode):
      isLive = episode.isLive
      (chunk, given) = (nil, 0)
      return .beginning
    case .episodeEnd, .error:
      chunk = nil
      return .answer([])
    case .observation(let seen):
      // What is left of a chunk was computed for another sentence, or is asked for with a state that is none.
      if seen.instruction ?? "" != instruction || !seen.state.allSatisfy(\.isFinite) { chunk = nil }
      if let next = next(answering: frame.sequence, at: now) { return .answer([next]) }
      instruction = seen.instruction ?? ""
      return .observation(
        WebObservation(
          frames: seen.pictures.map { CameraFrame($0.image, of: $0.camera, capabilities) }, state: seen.state,
          instruction: seen.instruction ?? "", mark: frame.sequence,
          // What was not given out never will be. Of a harness that does not wait, the last action given may still be on its way.
          execution: .executed(isLive ? max(0, given - 1) : given), clock: isLive ? .monotonic : .simulated))
    }
  }

  mutating func answer(_ body: ReplyMessage.Body, to mark: Int, at now: UInt64) -> [WebMessage] {
    switch body {
    case .actionChunk(let chunk):
      (self.chunk, given) = (chunk, 0)
      return next(answering: mark, at: now).map { [$0] }
        ?? failure("late: the commands came after they were valid", mark)
    case .error(let error):
      chunk = nil
      return failure(error.description, mark)
    default: return failure("internal: the daemon answered something else", mark)
    }
  }

  /// The next action of the last chunk; `nil` when there is none that may still begin.
  private mutating func next(answering sequence: Int, at now: UInt64) -> WebMessage? {
    guard let chunk, given < chunk.actions.count else { return nil }
    // A harness that waits has its own time: there the action's turn has come as many control periods after the observation.
    let period = capabilities.controlRate > 0 ? UInt64(min(1e18, 1e9 / capabilities.controlRate)) : 0
    let elapsed = isLive ? now &- min(now, chunk.capturedAt) : UInt64(given).multipliedClamped(by: period)
    guard elapsed <= chunk.validUntil &- min(chunk.validUntil, chunk.capturedAt) else {
      self.chunk = nil
      return nil
    }
    let action = chunk.actions[given]
    given += 1
    let remaining = chunk.validUntil &- min(chunk.validUntil, chunk.capturedAt) &- elapsed
    let message = VLAAction(
      action.values.map { Float($0) }, shape: [action.values.count],
      extras: [
        "valid_for_ms": Double(remaining) / 1e6, "limited": Double(action.limited.rawValue), "place": Double(given - 1),
      ])
    do throws(VLAError) {
      return .binary(try codec.action(message, answering: sequence, at: Self.seconds))
    } catch { return nil }
  }

  private func failure(_ text: String, _ sequence: Int) -> [WebMessage] {
    (try? codec.error(text, answering: sequence, at: Self.seconds)).map { [.binary($0)] } ?? []
  }

  private static var seconds: Double { Date().timeIntervalSince1970 }
}

extension UInt64 {
  fileprivate func multipliedClamped(by other: UInt64) -> UInt64 {
    let (product, isHuge) = multipliedReportingOverflow(by: other)
    return isHuge ? .max : product
  }
}

extension VLAServer {
  /// What a policy says of itself in vla-eval's words, as far as it has them.
  fileprivate init(_ capabilities: Capabilities, sendsState: Bool) {
    var parts: [Part] = []
    for action in capabilities.actions {
      parts.append(
        Part(
          action.name,
          VLASpecification(
            name: action.name, dimensions: 1, format: capabilities.actionMode?.rawValue ?? "",
            range: action.minimum...max(action.minimum, action.maximum), note: action.unit)))
    }
    let observed = capabilities.cameras.map {
      Part(
        $0.name,
        VLASpecification(name: "image", dimensions: 0, format: "rgb_hwc_uint8", note: "\($0.width)x\($0.height)"))
    }
    self.init(
      name: capabilities.policyName, action: parts,
      observation: observed + [Part("language", VLASpecification(name: "language", dimensions: 0, format: "language"))],
      observationOptions: sendsState ? ["send_state": true] : [:],
      facts: ["policy_digest": capabilities.policyDigest, "server_version": capabilities.serverVersion])
  }
}
