import ControlDaemon
import Dispatch
import Foundation
import RobotInterface
import RobotLink
import RobotPolicy
import Synchronization
import Testing

/// A policy whose next batch a test can hold back, so that others come to wait for the one after it.
private final class HeldPolicy<Base: ObservationPolicy>: ObservationPolicy {
  private let base: Base
  private let sizes = Mutex<[Int]>([])
  private let isHeld = Mutex(false)
  private let entered = DispatchSemaphore(value: 0)
  private let release = DispatchSemaphore(value: 0)

  init(_ base: Base) { self.base = base }

  /// No observation is too old: a busy machine may hold the tests up.
  var capabilities: Capabilities {
    var capabilities = base.capabilities
    capabilities.limits.maximumObservationAge = nil
    return capabilities
  }

  /// How many observations were answered together, each time.
  var batchSizes: [Int] { sizes.withLock { $0 } }

  func warmUp() throws(RobotError) { try base.warmUp() }

  func act(on observation: Observation, context: inout EpisodeContext) throws(RobotError) -> ActionChunk {
    try base.act(on: observation, context: &context)
  }

  func act(on steps: inout [PolicyStep]) -> [Result<ActionChunk, RobotError>] {
    sizes.withLock { $0.append(steps.count) }
    if isHeld.withLock({ $0 }) {
      entered.signal()
      release.wait()
    }
    return base.act(on: &steps)
  }

  /// Whether batches that begin from now on are held until ``letGo()``.
  func hold(_ isHeld: Bool) { self.isHeld.withLock { $0 = isHeld } }

  /// Waits until a batch has begun and is held.
  func isInBatch() -> Bool { entered.wait(timeout: .now() + 20) == .success }

  /// Lets the batch at hand go on.
  func letGo() { release.signal() }
}

@Suite("Robots that wait together are answered together")
struct BatchConversationTests {
  private func daemon(_ policy: any ObservationPolicy, batch: Int) throws -> RunningDaemon {
    var options = DaemonOptions()
    options.maximumBatch = batch
    return try RunningDaemon(
      policy, endpoint: "ipc:///tmp/uio2-batch-\(UUID().uuidString.prefix(8))", options: options)
  }

  private func body(_ client: RobotClient) throws -> ReplyMessage.Body { try client.receive().body }

  @Test func `the shipped policy tells each robot what it tells it alone`() throws {
    let root = (0..<3).reduce(URL(filePath: #filePath)) { url, _ in url.deletingLastPathComponent() }
    let bundle = try PolicyBundle.load(from: root.appending(path: "Policies/metaworld-mt5"))
    let policy = HeldPolicy(try UnifiedIOPolicy(bundle: bundle))
    let daemon = try daemon(policy, batch: 5)
    defer { daemon.stop() }
    let recorded = try RecordedObservations(of: bundle).observations
    let observations = (0..<12).map { place in
      var observation = recorded[place * 97 % recorded.count]
      observation.clock = .simulated
      return observation
    }
    #expect(Set(observations.map(\.instruction)).count > 1)
    let alone = try observations.enumerated().map { try daemon.client("alone \($0)").act(on: $1) }
    #expect(policy.batchSizes == [Int](repeating: 1, count: 12))

    let robots = try (0..<12).map { try daemon.client("robot \($0)") }
    func ask(_ robot: Int) throws { _ = try robots[robot].send(.observation(observations[robot])) }
    policy.hold(true)
    try ask(0)
    #expect(policy.isInBatch())
    policy.hold(false)
    for robot in 1..<12 { try ask(robot) }
    #expect(daemon.wait { $0.requests == 48 })
    policy.letGo()
    for (robot, expected) in zip(robots, alone) {
      guard case .actionChunk(var chunk) = try body(robot) else {
        Issue.record("no chunk for \(robot.sessionID)")
        continue
      }
      #expect(chunk.timings[.queue] > 0 && chunk.timings[.generate] > 0)
      chunk.timings = expected.timings
      #expect(chunk == expected)
    }
    #expect(policy.batchSizes.dropFirst(12) == [1, 5, 5, 1])
    #expect(daemon.daemon.metrics.chunks == 24)
  }

  @Test func `one who is refused or stopped within a batch changes nothing for the others`() throws {
    let policy = HeldPolicy(FakePolicy())
    let daemon = try daemon(policy, batch: 8)
    defer { daemon.stop() }
    let robots = try (0..<4).map { try daemon.client("robot \($0)") }
    let button = try daemon.stranger("robot 1")
    let first = try daemon.client("first")
    policy.hold(true)
    _ = try first.send(.observation(.sample(1)))
    #expect(policy.isInBatch())
    for (index, robot) in robots.enumerated() {
      _ = try robot.send(.observation(.sample(1, proprioception: index == 2 ? [] : [0, 0])))
    }
    #expect(daemon.wait { $0.requests == 10 })
    policy.letGo()
    #expect(policy.isInBatch())
    #expect(try button.stop(reason: ""))
    policy.hold(false)
    policy.letGo()
    for (index, robot) in robots.enumerated() {
      switch (index, try body(robot)) {
      case (0, .actionChunk), (3, .actionChunk): break
      case (1, .error(let error)): #expect(error.code == .stopped)
      case (2, .error(let error)): #expect(error.code == .invalidProprioception)
      case (_, let other): Issue.record("robot \(index): \(other)")
      }
    }
    #expect(refusal { () throws(ClientError) in try robots[1].act(on: .sample(2)) }?.code == .stopped)
    for index in [0, 2, 3] { _ = try robots[index].act(on: .sample(2)) }
    #expect(policy.batchSizes.prefix(2) == [1, 4])
    #expect(daemon.daemon.metrics.chunks == 6)
  }
}
