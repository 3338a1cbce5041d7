import ControlDaemon
import Logging
import RobotInterface
import RobotLink
import RobotPolicy
import Synchronization
import Testing

/// What the core tells a policy about commands that a robot may still execute.
extension ControlCoreTests {
  /// The context of a job of one step.
  private func context(_ job: Job?) throws -> EpisodeContext {
    guard case .act(let steps) = try #require(job).work else { throw RobotError(.internal, "test", "no step") }
    return steps[0].context
  }

  /// Answers a job of one step with a chunk of one action, and remembers that.
  private func answer(
    _ job: Job?, _ value: Double, of sequence: UInt64, at now: UInt64, _ core: inout ControlCore
  ) throws {
    var context = try context(job)
    context.record([Action(values: [value])], moving: true)
    let result = Outcome.Step(result: .success(FakePolicy.chunk(for: .sample(sequence))), context: context)
    core.finish(Outcome(jobID: try #require(job).id, answer: .acted([result])), at: now)
  }

  /// What the policy has to reckon with when a robot says that it has executed the chunk it has.
  private func pending(_ job: Job?, consumed: Int = 1) throws -> [[Double]] {
    var observation = Observation.sample(9)
    observation.actionsConsumed = consumed
    return try context(job).pendingActions(after: observation).map { $0.flatMap(\.values) }
  }

  @Test func `a robot that waits for its answer has the last chunk`() throws {
    var core = core(maximumAge: nil)
    send(.observation(.sample(1)), id: 1, at: 10, to: &core)
    try answer(core.nextJob(at: 10), 0.5, of: 1, at: 19, &core)
    _ = core.takeReplies(at: 20)
    var second = Observation.sample(2)
    second.echo = ClockEcho(replySentAt: 20, replyReceivedAt: 5)
    send(.observation(second), id: 2, at: 30, to: &core)
    #expect(try pending(core.nextJob(at: 30)) == [])
  }

  @Test func `a robot that observes before its answer left may not have it yet`() throws {
    var core = core(maximumAge: nil)
    send(.observation(.sample(1)), id: 1, at: 10, to: &core)
    let job = core.nextJob(at: 10)
    send(.observation(.sample(2)), id: 2, at: 15, to: &core)
    try answer(job, 0.5, of: 1, at: 20, &core)
    let next = core.nextJob(at: 20)
    #expect(try pending(next) == [[0.5]])
    // From then on in the episode nobody knows.
    try answer(next, 0.7, of: 2, at: 30, &core)
    send(.observation(.sample(3)), id: 3, at: 40, to: &core)
    #expect(try pending(core.nextJob(at: 40)) == [[0.7]])
    send(.reset, id: 4, at: 50, to: &core)
    send(.observation(.sample(1)), id: 5, at: 60, to: &core)
    #expect(core.nextJob(at: 60) == nil, "the old step is still computed")
  }

  /// Sends an observation that echoes the reply that left at a time.
  private func send(_ sequence: UInt64, echo: UInt64, at now: UInt64, to core: inout ControlCore) {
    var observation = Observation.sample(sequence)
    observation.echo = ClockEcho(replySentAt: echo, replyReceivedAt: echo)
    send(.observation(observation), id: sequence, at: now, to: &core)
  }

  @Test func `a greeting after a lost answer is no receipt of the chunk`() throws {
    var core = core(maximumAge: nil)
    send(.observation(.sample(1)), id: 1, at: 10, to: &core)
    try answer(core.nextJob(at: 10), 0.5, of: 1, at: 20, &core)
    _ = core.takeReplies(at: 21)
    send(2, echo: 21, at: 30, to: &core)
    try answer(core.nextJob(at: 30), 0.7, of: 2, at: 40, &core)
    _ = core.takeReplies(at: 41)
    // The second answer is lost; the robot says hello and goes on with the first chunk.
    greet("a", at: 50, &core)
    send(3, echo: 50, at: 60, to: &core)
    let job = core.nextJob(at: 60)
    #expect(try pending(job) == [[0.7]])
    #expect(Set(try pending(job, consumed: 0)) == [[0.7], [0.5, 0.7]])
    try answer(job, 0.9, of: 3, at: 70, &core)
    _ = core.takeReplies(at: 71)
    send(4, echo: 71, at: 80, to: &core)
    #expect(try pending(core.nextJob(at: 80)) == [], "once its answer is echoed, all is known again")
  }

  @Test func `a refusal after an echoed chunk changes nothing`() throws {
    var core = core(maximumAge: nil)
    send(.observation(.sample(1)), id: 1, at: 10, to: &core)
    try answer(core.nextJob(at: 10), 0.5, of: 1, at: 20, &core)
    _ = core.takeReplies(at: 21)
    send(1, echo: 21, at: 30, to: &core)
    #expect(codes(at: 31, &core) == [1: .outOfOrder])
    send(2, echo: 31, at: 40, to: &core)
    let job = core.nextJob(at: 40)
    #expect(try pending(job) == [])
    #expect(try pending(job, consumed: 0) == [[0.5]])
  }

  @Test func `with several answers lost every chunk counts that the robot may have`() throws {
    var core = core(maximumAge: nil)
    send(.observation(.sample(1)), id: 1, at: 10, to: &core)
    try answer(core.nextJob(at: 10), 0.5, of: 1, at: 20, &core)
    _ = core.takeReplies(at: 21)
    for (sequence, value) in [(UInt64(2), 0.6), (3, 0.7)] {
      send(sequence, echo: 21, at: 10 * sequence + 10, to: &core)
      try answer(core.nextJob(at: 10 * sequence + 10), value, of: sequence, at: 10 * sequence + 15, &core)
      _ = core.takeReplies(at: 10 * sequence + 16)
    }
    send(4, echo: 21, at: 60, to: &core)
    #expect(
      Set(try pending(core.nextJob(at: 60), consumed: 0)) == [[0.7], [0.6, 0.7], [0.5, 0.7], [0.5, 0.6, 0.7]])
  }

  @Test func `a robot of whose receipts nothing is known may execute any chunk`() throws {
    var core = core(maximumAge: nil)
    for sequence in UInt64(1)...2 {
      let now = 1_000 * sequence
      send(.observation(.sample(sequence, capturedAt: now, clock: .monotonic)), id: sequence, at: now, to: &core)
      try answer(core.nextJob(at: now), Double(sequence), of: sequence, at: now + 10, &core)
      _ = core.takeReplies(at: now + 11)
    }
    send(.observation(.sample(3, capturedAt: 3_000, clock: .monotonic)), id: 3, at: 3_000, to: &core)
    #expect(Set(try pending(core.nextJob(at: 3_000), consumed: 0)) == [[2], [1, 2]])
  }

  @Test func `more consumed actions than a chunk has are refused`() {
    var core = core(maximumAge: nil)
    for (id, consumed) in [(UInt64(1), 3), (2, 4_000_000_000), (3, 2)] {
      var observation = Observation.sample(id)
      observation.actionsConsumed = consumed
      send(.observation(observation), id: id, at: 10, to: &core)
    }
    finish(core.nextJob(at: 10), at: 10, &core)
    #expect(codes(&core) == [1: .malformed, 2: .malformed, 3: nil])
    var second = Observation.sample(4)
    second.actionsConsumed = 3
    send(.observation(second), id: 4, at: 20, to: &core)
    #expect(codes(&core) == [4: .malformed])
  }

  @Test func `an echo of an older reply says the same while the answer was on its way`() throws {
    var core = core(maximumAge: nil)
    send(.observation(.sample(1)), id: 1, at: 10, to: &core)
    try answer(core.nextJob(at: 10), 0.5, of: 1, at: 20, &core)
    var second = Observation.sample(2)
    second.echo = ClockEcho(replySentAt: 4, replyReceivedAt: 5)
    send(.observation(second), id: 2, at: 30, to: &core)
    #expect(try pending(core.nextJob(at: 30)) == [[0.5]])
  }

  @Test func `a chunk that was not sent is not remembered`() throws {
    var core = core(maximumAge: nil)
    send(.observation(.sample(1)), id: 1, at: 10, to: &core)
    try answer(core.nextJob(at: 10), 0.5, of: 1, at: 20, &core)
    send(.observation(.sample(2)), id: 2, at: 30, to: &core)
    // Of another observation, so that the core refuses to send it.
    try answer(core.nextJob(at: 30), 0.7, of: 7, at: 40, &core)
    #expect(codes(&core) == [1: nil, 2: .invalidAction])
    send(.observation(.sample(3)), id: 3, at: 50, to: &core)
    let context = try context(core.nextJob(at: 50))
    #expect(context.lastActions == [Action(values: [0.5])])
    #expect(context.counters.chunks == 1 && context.lastCommandMoves)
  }
}

/// Keeps the warnings that it is given.
private final class WarningLog: Sendable {
  let messages = Mutex<[String]>([])

  struct Handler: LogHandler {
    let log: WarningLog
    var logLevel = Logger.Level.trace
    var metadata = Logger.Metadata()

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      if event.level == .warning { log.messages.withLock { $0.append(event.message.description) } }
    }
  }
}

@Suite("A policy without limits")
struct UnlimitedPolicyTests {
  @Test func `the daemon names the numbers that nothing bounds`() throws {
    let log = WarningLog()
    let running = try RunningDaemon(
      FakePolicy(unlimitedDimensions: ["elbow", "wrist"]),
      logger: Logger(label: "test", factory: { _ in WarningLog.Handler(log: log) }))
    let capabilities = try running.client().hello(clientName: "test", clientVersion: "1")
    #expect(capabilities.unlimitedDimensions == ["elbow", "wrist"])
    running.stop()
    #expect(log.messages.withLock { $0.count { $0.contains("no limits for elbow, wrist") } } == 1)
  }

  @Test(arguments: [true, false])
  func `the daemon warns when it starts`(isUnlimited: Bool) throws {
    let log = WarningLog()
    let running = try RunningDaemon(
      FakePolicy(isUnlimited: isUnlimited),
      logger: Logger(label: "test", factory: { _ in WarningLog.Handler(log: log) }))
    let capabilities = try running.client().hello(clientName: "test", clientVersion: "1")
    #expect(capabilities.isUnlimited == isUnlimited)
    running.stop()
    #expect(log.messages.withLock { $0.count { $0.contains("no limits") } } == (isUnlimited ? 1 : 0))
  }
}
