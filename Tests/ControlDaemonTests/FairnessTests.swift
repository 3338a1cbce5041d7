import ControlDaemon
import Dispatch
import Foundation
import Logging
import RobotInterface
import RobotLink
import Synchronization
import Testing

@Suite("What one client sends is bounded, and delays nobody's next step")
struct FairnessTests {
  /// Holds the thread that logs a session's beginning, which is the socket's.
  private struct HoldingHandler: LogHandler {
    let isHeld: DispatchSemaphore
    let release: DispatchSemaphore
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      guard event.metadata?["session"] == "gate", "\(event.message)" == "stop latched" else { return }
      isHeld.signal()
      release.wait()
    }
  }

  @Test func `the next job goes between two messages`() throws {
    // A daemon that reads everything before it takes a step always begins with the newest; another one only where the system happens to
    // run its threads so.
    for _ in 1...20 where try firstStepOfTwelve() < 12 { return }
    Issue.record("the first step was always the newest of all observations that waited")
  }

  /// The sequence of the observation that an idle policy begins with when twelve wait in the socket.
  private func firstStepOfTwelve() throws -> UInt64 {
    let (isHeld, release) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let policy = FakePolicy()
    let daemon = try RunningDaemon(
      policy, logger: Logger(label: "test") { _ in HoldingHandler(isHeld: isHeld, release: release) })
    defer { daemon.stop() }
    let gate = try daemon.client("gate")
    let robot = try daemon.client("arm")
    _ = try gate.send(.stop(reason: ""))
    #expect(isHeld.wait(timeout: .now() + 20) == .success)
    // All of them lie in the socket when its thread goes on.
    policy.hold(true)
    for sequence in UInt64(1)...12 { _ = try robot.send(.observation(.sample(sequence))) }
    Thread.sleep(forTimeInterval: 0.2)
    release.signal()
    #expect(policy.isInStep())
    let first = try #require(policy.seen.first?.sequence)
    #expect(daemon.wait { $0.superseded == (first < 12 ? 10 : 11) })
    policy.hold(false)
    policy.release.signal()
    let chunks = first < 12 ? 2 : 1
    #expect(daemon.wait { $0.chunks == chunks })
    #expect(policy.seen.count == chunks && policy.seen.last?.sequence == 12)
    return first
  }

  @Test func `the limit of a message follows the cameras`() throws {
    let cameras = FakePolicy().capabilities
    var options = DaemonOptions()
    let pictures = 256 * 256 * 3
    #expect(options.messageLimit(of: cameras, canGenerate: false) == UInt64(2 * pictures + 128 << 10))
    #expect(options.messageLimit(of: cameras, canGenerate: true) == 1 << 20)
    var hearing = cameras
    hearing.audio = .init(name: "instruction", maximumDuration: 4, replacesInstruction: true)
    let sound = 4 * 48_000 * 2 * 3
    #expect(options.messageLimit(of: hearing, canGenerate: false) == UInt64(2 * pictures + sound + (128 << 10)))
    hearing.audio?.maximumDuration = 1e300
    #expect(options.messageLimit(of: hearing, canGenerate: false) == UInt64(2 * pictures + (8 << 20) + (128 << 10)))
    var none = cameras
    none.cameras = []
    #expect(options.messageLimit(of: none, canGenerate: true) == UInt64(ProtocolLimits.maximumMessageBytes))
    var huge = cameras
    huge.cameras = [.init(name: "a", width: .max, height: .max, verticalFieldOfView: nil, input: .image)]
    #expect(options.messageLimit(of: huge, canGenerate: false) == UInt64(ProtocolLimits.maximumMessageBytes))
    var declared = cameras
    declared.limits.maximumMessageBytes = 5000
    #expect(options.messageLimit(of: declared, canGenerate: true) == 5000)
    options.maximumMessageBytes = 7000
    #expect(options.messageLimit(of: declared, canGenerate: true) == 7000)
  }

  @Test func `a robot is told the limit, and its client keeps to it`() throws {
    let daemon = try RunningDaemon(FakePolicy(maximumMessageBytes: 10_000))
    defer { daemon.stop() }
    let robot = try daemon.client()
    #expect(try robot.hello(clientName: "", clientVersion: "").limits.maximumMessageBytes == 10_000)
    let error = #expect(throws: ClientError.self) { try robot.act(on: .sample(1, bytes: 200_000)) }
    guard case .invalidRequest(let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.code == .tooLarge)
    // It was not sent, so the connection stands.
    _ = try robot.act(on: .sample(2))
  }
}
