import ControlDaemon
import Dispatch
import Foundation
import Logging
import MCAP
import Recording
import RobotInterface
import RobotLink
import RobotPolicy
import Synchronization
import Testing

let silence = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

/// A daemon that is recorded, for as long as a test wants it.
final class RecordedDaemon {
  let daemon: ControlDaemon
  private let ended = DispatchSemaphore(value: 0)
  private var isStopped = false

  init(_ policy: any ObservationPolicy, _ observer: any MessageObserver, operatorToken: SessionToken? = nil) throws {
    var options = DaemonOptions()
    options.observer = observer
    options.operatorToken = operatorToken
    daemon = try ControlDaemon(
      policy: policy, listeners: [ZeroMQListener.at("tcp://127.0.0.1:*")], options: options, logger: silence)
    Thread.detachNewThread { [daemon, ended] in
      try? daemon.run()
      ended.signal()
    }
  }

  func client(_ session: String, token: [UInt8] = []) throws -> RobotClient {
    let client = try RobotClient(endpoint: daemon.addresses[0], sessionID: session, sessionToken: token)
    client.timeout = .seconds(20)
    _ = try client.hello(clientName: "test", clientVersion: "1")
    return client
  }

  func stop() {
    guard !isStopped else { return }
    isStopped = true
    daemon.stop()
    #expect(ended.wait(timeout: .now() + 20) == .success)
  }

  deinit { daemon.stop() }
}

/// Answers with what it remembers, so that another order or another past gives other tokens.
final class RememberingPolicy: ObservationPolicy {
  /// Added to the tokens from the observation of this number on.
  private let strangeFrom: UInt64
  private let entered = DispatchSemaphore(value: 0)
  private let release = DispatchSemaphore(value: 0)
  private let held: UInt64?
  private let tellsPending: Bool

  /// - Parameters:
  ///   - strangeFrom: the sequence from which on its answers are others.
  ///   - held: the sequence whose step waits for ``letGo()``.
  ///   - tellsPending: whether its tokens also say how many ways the robot may go on.
  init(strangeFrom: UInt64 = .max, held: UInt64? = nil, tellsPending: Bool = false) {
    self.strangeFrom = strangeFrom
    self.held = held
    self.tellsPending = tellsPending
  }

  func isInStep() -> Bool { entered.wait(timeout: .now() + 20) == .success }
  func letGo() { release.signal() }

  var capabilities: Capabilities {
    Capabilities(
      policyName: "remembering", policyDigest: "00", serverVersion: "test",
      cameras: [.init(name: "front", width: 8, height: 8, verticalFieldOfView: nil, input: .image)],
      proprioception: ["tool_x", "tool_y", "tool_z"].map { .init(name: $0, unit: "m", minimum: -1, maximum: 1) },
      actions: [.init(name: "dx", unit: "m", minimum: -1, maximum: 1)], actionFrame: "base", actionMode: .delta,
      hold: .zero, chunkLength: 2, controlRate: 10, limits: .init(), isUnlimited: true)
  }

  func warmUp() throws(RobotError) {}

  func act(on observation: Observation, context: inout EpisodeContext) throws(RobotError) -> ActionChunk {
    if observation.sequence == held {
      entered.signal()
      release.wait()
    }
    guard observation.instruction != "fail" else { throw RobotError(.invalidInstruction, "observation", "no") }
    let past = context.counters.chunks
    let pending = tellsPending ? [Int32(try context.pendingActions(after: observation).count)] : []
    let actions = [Action(values: [0.01 * Double(past)])]
    context.record(actions, moving: true)
    let token = Int32(truncatingIfNeeded: observation.sequence) + (observation.sequence >= strangeFrom ? 100 : 0)
    return ActionChunk(
      observationSequence: observation.sequence, capturedAt: observation.capturedAt,
      validUntil: observation.capturedAt &+ 1_000_000_000, actions: actions, tokens: [token, Int32(past)] + pending,
      text: "",
      confidence: 0.5, timings: StageTimings())
  }
}

extension Observation {
  static func sample(_ sequence: UInt64, instruction: String = "go") -> Observation {
    Observation(
      sequence: sequence, capturedAt: sequence * 1_000_000, sentAt: sequence * 1_000_000,
      frames: [
        CameraFrame(
          camera: "front", encoding: .rgb8, width: 8, height: 8,
          data: [UInt8](repeating: UInt8(sequence % 256), count: 192))
      ],
      proprioception: [0.1, 0.2, 0.3], instruction: instruction, clock: .simulated)
  }
}

/// A file in memory, whose writing a test can hold.
final class HeldSink: MCAPSink {
  private let content = Mutex<[UInt8]>([])
  private let isHeld = Atomic(false)
  private let gate = DispatchSemaphore(value: 0)
  private let reached = DispatchSemaphore(value: 0)

  var bytes: [UInt8] { content.withLock { $0 } }
  func hold() { isHeld.store(true, ordering: .sequentiallyConsistent) }
  func isWaiting() -> Bool { reached.wait(timeout: .now() + 20) == .success }

  func letGo() {
    isHeld.store(false, ordering: .sequentiallyConsistent)
    gate.signal()
  }

  func write(_ bytes: [UInt8]) throws(MCAPError) {
    if isHeld.load(ordering: .sequentiallyConsistent) {
      reached.signal()
      gate.wait()
    }
    content.withLock { $0 += bytes }
  }
}

/// The entries of a recording.
func entries(of path: String) throws -> [RecordingReader.Entry] {
  var reader = try RecordingReader(path)
  var result: [RecordingReader.Entry] = []
  while let entry = try reader.next() { result.append(entry) }
  return result
}
