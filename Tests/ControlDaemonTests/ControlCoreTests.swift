import ControlDaemon
import RobotInterface
import RobotPolicy
import Testing

/// The daemon's decisions with a clock that the test moves.
@Suite("The core answers every request once, and decides by the clock it is given")
struct ControlCoreTests {
  /// The tokens of the sessions of one core.
  final class Tokens {
    var tokens: [String: [UInt8]] = [:]
  }

  /// The sessions that a core knows from the start; only the tests of owners use others.
  static let owned =
    ["a", "b", "idle", "new", "newer", "other", "person", "robot", "thief", "waiting"] + (1...4).map { "s\($0)" }

  let route = Route(connection: [1])
  let tokens = Tokens()

  func core(
    maximumAge: UInt64? = 100, sessions: Int = 2, known: Int = 100, batch: Int = 8,
    idleTime: Duration = .nanoseconds(1000), canGenerate: Bool = false, isReady: Bool = true,
    operatorToken: SessionToken? = nil, standstill: Duration = .zero, owned: [String] = owned,
    decodesAhead: Bool = false
  ) -> ControlCore {
    var options = DaemonOptions()
    options.maximumSessions = sessions
    options.maximumBatch = batch
    options.maximumKnownSessions = known
    options.sessionIdleTime = idleTime
    options.operatorToken = operatorToken
    options.simulatedStandstill = standstill
    var core = ControlCore(
      capabilities: FakePolicy(maximumAge: maximumAge).capabilities, canGenerate: canGenerate,
      decodesAhead: decodesAhead, options: options)
    tokens.tokens = [:]
    guard isReady else { return core }
    core.becomeReady(at: 0)
    for session in owned { greet(session, &core) }
    return core
  }

  /// Says hello and keeps the token.
  func greet(_ session: String, at now: UInt64 = 0, _ core: inout ControlCore) {
    send(.hello(clientName: "", clientVersion: ""), session: session, at: now, to: &core)
    guard case .capabilities(let capabilities) = core.takeReplies(at: now).last?.reply.body else {
      Issue.record("no capabilities")
      return
    }
    tokens.tokens[session] = capabilities.sessionToken
  }

  func send(
    _ body: RequestMessage.Body, id: UInt64 = 0, session: String = "a", token: [UInt8]? = nil, at now: UInt64 = 0,
    to core: inout ControlCore
  ) {
    let token = token ?? tokens.tokens[session] ?? []
    core.receive(
      RequestMessage(requestID: id, sessionID: session, sessionToken: token, body: body), from: route, at: now)
  }

  func codes(at now: UInt64 = 0, _ core: inout ControlCore) -> [UInt64: RobotError.Code?] {
    var codes: [UInt64: RobotError.Code?] = [:]
    for outgoing in core.takeReplies(at: now) {
      var code: RobotError.Code?
      if case .error(let error) = outgoing.reply.body { code = error.code }
      guard outgoing.reply.body.isFinal else { continue }
      #expect(codes.updateValue(code, forKey: outgoing.reply.requestID) == nil, "answered twice")
    }
    return codes
  }

  /// Answers a job with chunks that are hardly valid, so that no robot executes them when its session yields.
  func finish(_ job: Job?, validFor validity: UInt64 = 1, at now: UInt64 = 0, _ core: inout ControlCore) {
    guard let job, case .act(let steps) = job.work else {
      Issue.record("no job")
      return
    }
    let answers = steps.map {
      Outcome.Step(result: .success(FakePolicy.chunk(for: $0.observation, validFor: validity)), context: $0.context)
    }
    core.finish(Outcome(jobID: job.id, answer: .acted(answers)), at: now)
  }

  @Test func `an observation becomes a job and the job's outcome a chunk with its queue time`() throws {
    var core = core()
    send(.observation(.sample(1)), id: 5, at: 10, to: &core)
    let job = core.nextJob(at: 40)
    #expect(core.nextJob(at: 40) == nil, "the policy does one thing at a time")
    finish(job, at: 90, &core)
    let reply = try #require(core.takeReplies(at: 90).first?.reply)
    guard case .actionChunk(let chunk) = reply.body else {
      Issue.record("\(reply)")
      return
    }
    #expect(reply.requestID == 5)
    #expect(chunk.timings[.queue] == 30)
    #expect(chunk.policyDigest == "00")
    #expect(reply.sentAt == 90)
    #expect(core.metrics.chunks == 1)
    #expect(core.metrics.limitedActions == 1)
    #expect(core.metrics.answerTime.maximum == 80)
  }

  @Test func `an observation must be newer than the last`() {
    var core = core()
    send(.observation(.sample(5, capturedAt: 50)), id: 1, to: &core)
    send(.observation(.sample(5, capturedAt: 60)), id: 2, to: &core)
    send(.observation(.sample(4, capturedAt: 70)), id: 3, to: &core)
    send(.observation(.sample(6, capturedAt: 49)), id: 4, to: &core)
    #expect(codes(&core) == [2: .outOfOrder, 3: .outOfOrder, 4: .outOfOrder])
    send(.observation(.sample(6, capturedAt: 50)), id: 5, to: &core)
    #expect(codes(&core) == [1: .superseded])
    send(.reset, id: 6, to: &core)
    #expect(codes(&core) == [5: .superseded, 6: nil])
    send(.observation(.sample(1, capturedAt: 1)), id: 7, to: &core)
    #expect(codes(&core) == [:])
  }

  @Test func `a stop answers what waits and what runs, and outlives a reset`() {
    var core = core()
    send(.observation(.sample(1)), id: 1, to: &core)
    let job = core.nextJob(at: 0)
    send(.observation(.sample(2)), id: 2, to: &core)
    send(.stop(reason: "hand"), id: 3, to: &core)
    #expect(codes(&core) == [1: .stopped, 2: .stopped, 3: nil])
    send(.reset, id: 4, to: &core)
    send(.observation(.sample(3)), id: 5, to: &core)
    #expect(codes(&core) == [4: nil, 5: .stopped])
    send(.resume, id: 6, to: &core)
    send(.observation(.sample(4)), id: 7, to: &core)
    #expect(codes(&core) == [6: nil])
    #expect(core.nextJob(at: 0) == nil, "the stopped step still occupies the policy")
    finish(job, &core)
    #expect(codes(&core) == [:], "the stopped step has been answered")
    #expect(core.metrics.chunks == 0)
    finish(core.nextJob(at: 0), &core)
    #expect(codes(&core) == [7: nil])
  }

  @Test func `a stop of one session leaves the other alone`() {
    var core = core()
    send(.stop(reason: ""), id: 1, session: "a", to: &core)
    send(.observation(.sample(1)), id: 2, session: "a", to: &core)
    send(.observation(.sample(1)), id: 3, session: "b", to: &core)
    finish(core.nextJob(at: 0), &core)
    #expect(codes(&core) == [1: nil, 2: .stopped, 3: nil])
  }

  @Test func `nothing runs and no greeting is answered before the policy is warm`() {
    var core = core(isReady: false)
    send(.hello(clientName: "", clientVersion: ""), id: 1, to: &core)
    send(.observation(.sample(1)), id: 2, to: &core)
    send(.stop(reason: ""), id: 3, session: "b", to: &core)
    #expect(core.nextJob(at: 0) == nil)
    #expect(codes(&core) == [2: .notOwner, 3: nil], "a stop never waits")
    core.becomeReady(at: 0)
    #expect(codes(&core) == [1: nil])
    greet("c", &core)
    send(.observation(.sample(1)), id: 4, session: "c", to: &core)
    #expect(core.nextJob(at: 0) != nil)
  }

  @Test func `closing answers everything, and everything after`() {
    var core = core(canGenerate: true)
    send(.observation(.sample(1)), id: 1, to: &core)
    let job = core.nextJob(at: 0)
    send(.observation(.sample(2)), id: 2, to: &core)
    send(.generate(GenerationRequest(prompt: "")), id: 3, to: &core)
    core.close(at: 0)
    send(.resume, id: 4, to: &core)
    send(.stop(reason: ""), id: 5, to: &core)
    #expect(codes(&core) == [1: .shuttingDown, 2: .shuttingDown, 3: .shuttingDown, 4: .shuttingDown, 5: nil])
    finish(job, &core)
    #expect(codes(&core) == [:])
    #expect(core.nextJob(at: 0) == nil)
  }

  @Test func `a policy's broken answer does not leave the house`() {
    var broken: [ActionChunk] = []
    for change in [
      { $0.observationSequence += 1 }, { $0.capturedAt += 1 }, { $0.actions = [] }, { $0.actions[0].values = [.nan] },
      { $0.actions[0].values = [1, 2] }, { $0.confidence = .nan }, { $0.actions += $0.actions + $0.actions },
    ] as [(inout ActionChunk) -> Void] {
      var chunk = FakePolicy.chunk(for: .sample(1))
      change(&chunk)
      broken.append(chunk)
    }
    for chunk in broken {
      var core = core()
      send(.observation(.sample(1)), id: 1, to: &core)
      let job = core.nextJob(at: 0)
      core.finish(Outcome(jobID: job?.id ?? 0, answer: .acted([.init(result: .success(chunk))])), at: 0)
      #expect(codes(&core) == [1: .invalidAction])
    }
  }

  @Test func `a policy's unsendable error is still an answer`() {
    var core = core()
    send(.observation(.sample(1)), id: 1, to: &core)
    let job = core.nextJob(at: 0)
    let error = RobotError(.frozenCamera, "x\0y", String(repeating: "z", count: 1 << 20))
    core.finish(Outcome(jobID: job?.id ?? 0, answer: .acted([.init(result: .failure(error))])), at: 0)
    #expect(codes(&core) == [1: .frozenCamera])
  }
}

extension ControlCore {
  /// The replies since the last call, in order, as they leave at `now`.
  mutating func takeReplies(at now: UInt64 = 0) -> [Outgoing] {
    var replies: [Outgoing] = []
    while let reply = nextReply(at: now) { replies.append(reply) }
    return replies
  }
}
