import MessagePack
import OpenPI
import RobotInterface
import WebServer

/// What a client of openpi has done with its last chunk when it asks for the next, which the format cannot say.
public enum ChunkExecution: String, Sendable, Hashable, CaseIterable {
  /// Nobody knows: the robot may go on with it, and with every earlier one that is still valid, until it has the answer.
  case overlapping
  /// The client executes a chunk as far as it will, then asks, and holds still until it has the answer, as `openpi_client`'s
  /// `ActionChunkBroker` does.
  case finished
}

/// A client of openpi: observations and chunks in turn.
struct OpenPIDialect: WebDialect {
  static let name = "openpi"
  static let clientName = "a client of openpi"

  private let capabilities: Capabilities
  private let codec: OpenPICodec
  private let clock: RobotClock
  private let chunks: ChunkExecution
  /// When the observations arrived that wait for an answer, by their mark.
  private var arrivals: [Int: UInt64] = [:]
  private var lastMark = 0
  private var hasBegun = false

  init(_ capabilities: Capabilities, _ codec: OpenPICodec, _ clock: RobotClock, _ chunks: ChunkExecution) {
    self.capabilities = capabilities
    self.clock = clock
    self.chunks = chunks
    self.codec = codec
  }

  func greeting(_ session: String) -> [WebMessage] {
    let actions = capabilities.actions.map { MessagePackValue.text($0.name) }
    let metadata: KeyValuePairs<String, MessagePackValue> = [
      "policy": .text(capabilities.policyName), "policy_digest": .text(capabilities.policyDigest),
      "server_version": .text(capabilities.serverVersion), "session": .text(session), "actions": .array(actions),
      "action_mode": .text(capabilities.actionMode?.rawValue ?? ""), "action_frame": .text(capabilities.actionFrame),
      "action_horizon": .integer(Int64(capabilities.chunkLength)), "control_hz": .double(capabilities.controlRate),
    ]
    guard let bytes = try? codec.metadata(metadata) else { return [] }
    return [.binary(bytes)]
  }

  mutating func read(_ message: WebMessage, of session: String, arrivedAt: UInt64, at now: UInt64) -> WebTurn {
    guard case .binary(let bytes) = message else {
      return .close(code: 1003, reason: "expected msgpack in a binary frame")
    }
    let seen: OpenPIObservation
    do throws(OpenPIError) { seen = try codec.observation(bytes) } catch { return .refused([.text(error.description)]) }
    lastMark += 1
    arrivals[lastMark] = arrivedAt
    let begins = seen.beginsEpisode || !hasBegun
    hasBegun = true
    return .observation(
      WebObservation(
        frames: seen.pictures.map { CameraFrame($0.image, of: $0.camera, capabilities) }, state: seen.state,
        instruction: seen.prompt ?? "", beginsEpisode: begins, mark: lastMark,
        execution: chunks == .finished ? .finished : .unknown, clock: clock))
  }

  mutating func answer(_ body: ReplyMessage.Body, to mark: Int, at now: UInt64) -> [WebMessage] {
    let arrival = arrivals.removeValue(forKey: mark) ?? now
    switch body {
    case .actionChunk(let chunk): return [reply(chunk, arrival: arrival, at: now)]
    case .error(let error): return [.text(error.description)]
    default: return [.text("internal: the daemon answered something else")]
    }
  }

  private func reply(_ chunk: ActionChunk, arrival: UInt64, at now: UInt64) -> WebMessage {
    let moment = clock == .simulated ? chunk.capturedAt : now
    let limited = chunk.actions.count { !$0.limited.isEmpty }
    let reply = OpenPIReply(
      actions: chunk.actions.flatMap { $0.values.map { Float($0) } }, horizon: chunk.actions.count,
      dimensions: capabilities.actions.count,
      serverTiming: ["infer_ms": Double(now &- arrival) / 1e6],
      policyTiming: ["infer_ms": Double(chunk.timings.total - chunk.timings[.queue]) / 1e6],
      extras: [
        // An observation's times are the daemon's own.
        "valid_for_ms": Double(chunk.validUntil > moment ? chunk.validUntil - moment : 0) / 1e6,
        "limited_actions": Double(limited), "observation_age_ms": Double(chunk.observationAge) / 1e6,
        "confidence": chunk.confidence,
      ])
    do throws(OpenPIError) { return .binary(try codec.reply(reply)) } catch { return .text(error.description) }
  }
}

extension CameraFrame {
  /// A picture of a foreign format; a file is declared to have the camera's size, and refused by the policy if it has another.
  init(_ image: WireImage, of camera: String, _ capabilities: Capabilities) {
    let expected = capabilities.cameras.first { $0.name == camera }
    switch image {
    case .pixels(let width, let height, let bytes):
      self.init(camera: camera, encoding: .rgb8, width: width, height: height, data: Array(bytes))
    case .jpeg(let bytes):
      self.init(
        camera: camera, encoding: .jpeg, width: expected?.width ?? 0, height: expected?.height ?? 0, data: Array(bytes))
    case .png(let bytes):
      self.init(
        camera: camera, encoding: .png, width: expected?.width ?? 0, height: expected?.height ?? 0, data: Array(bytes))
    }
  }
}
