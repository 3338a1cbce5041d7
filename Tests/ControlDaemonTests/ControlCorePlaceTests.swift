import ControlDaemon
import RobotInterface
import RobotPolicy
import Testing

/// Places and records: neither stops nor short-lived clients lock anyone out.
extension ControlCoreTests {
  private func observe(
    _ session: String, id: UInt64 = 0, _ sequence: UInt64 = 1, at now: UInt64, _ core: inout ControlCore
  ) {
    send(.observation(.sample(sequence)), id: id, session: session, at: now, to: &core)
  }

  private func fly(
    _ session: String, _ sequence: UInt64 = 1, validFor validity: UInt64 = 1, at now: UInt64, _ core: inout ControlCore
  ) {
    observe(session, sequence, at: now, &core)
    finish(core.nextJob(at: now), validFor: validity, at: now, &core)
    _ = core.takeReplies(at: now)
  }

  @Test func `an idle session gives its place away, the oldest first, and nobody else does`() {
    var core = core(sessions: 2)
    fly("a", at: 0, &core)
    fly("b", at: 10, &core)
    observe("new", id: 1, at: 999, &core)
    #expect(codes(&core) == [1: .overloaded])
    _ = core.takeEvents()
    observe("new", id: 2, at: 1000, &core)
    #expect(codes(&core) == [:])
    #expect(core.takeEvents().map(\.kind) == [.sessionYielded, .sessionOpened])
    #expect(core.metrics.sessions == 2)
    // `new` waits for its commands and is not idle however long that takes; `b` gave its place away.
    observe("newer", id: 3, at: 1 << 41, &core)
    observe("other", id: 4, at: 1 << 41, &core)
    #expect(codes(&core) == [4: .overloaded])
    finish(core.nextJob(at: 1 << 41), &core)
    #expect(codes(&core) == [2: nil, 3: nil])
  }

  @Test(arguments: [false, true])
  func `a session keeps its place while its robot may still execute commands`(isStopped: Bool) {
    var core = core(sessions: 1)
    fly("a", validFor: 5000, at: 10, &core)
    if isStopped { send(.stop(reason: ""), id: 1, at: 20, to: &core) }
    _ = core.takeReplies()
    observe("b", id: 2, at: 5010, &core)
    #expect(codes(&core) == [2: .overloaded])
    observe("b", id: 3, at: 5011, &core)
    #expect(codes(&core) == [:], "then it is idle as others are")
  }

  @Test func `a robot whose clock stands still keeps its place, and then its commands are not forgotten silently`() {
    var core = core(sessions: 1, standstill: .nanoseconds(9000))
    // Captured at 1,000, valid until 1,500.
    fly("a", validFor: 500, at: 10, &core)
    observe("b", id: 1, at: 9010, &core)
    #expect(codes(&core) == [1: .overloaded])
    fly("b", at: 9011, &core)
    // `a` moves on by less than its commands are valid, and nobody knows where they have led it.
    send(.observation(.sample(2, capturedAt: 1_500)), id: 2, at: 99_999, to: &core)
    #expect(codes(&core) == [2: .invalidAction])
    send(.observation(.sample(2, capturedAt: 1_501)), id: 3, at: 99_999, to: &core)
    #expect(codes(&core) == [:], "it waits for its commands")
    finish(core.nextJob(at: 99_999), validFor: 500, at: 99_999, &core)
    #expect(codes(&core) == [3: nil])
    fly("b", 2, at: 199_999, &core)
    send(.reset, id: 4, at: 299_999, to: &core)
    send(.observation(.sample(1, capturedAt: 1_502)), id: 5, at: 299_999, to: &core)
    #expect(codes(&core) == [4: nil], "a new episode")
  }

  @Test func `refused observations hold no place against a robot that pauses`() throws {
    var core = core(sessions: 2)
    fly("robot", at: 0, &core)
    /// Takes a place, and is refused by the policy.
    func pester(_ session: String, _ sequence: UInt64, at now: UInt64) throws {
      observe(session, sequence, at: now, &core)
      let next = core.nextJob(at: now)
      let job = try #require(next)
      let refusal = RobotError(.missingCamera, "observation.frames", "none")
      core.finish(Outcome(jobID: job.id, answer: .acted([.init(result: .failure(refusal))])), at: now)
      _ = core.takeReplies()
    }
    for sequence in UInt64(1)...20 { try pester("thief", sequence, at: 100 * sequence) }
    _ = core.takeEvents()
    try pester("other", 1, at: 2001)
    #expect(
      core.takeEvents().filter { $0.kind == .sessionYielded }.map(\.session) == ["thief"], "the robot has its place")
    observe("new", id: 1, at: 2002, &core)
    observe("robot", id: 2, 2, at: 2003, &core)
    #expect(codes(&core) == [:])
  }

  @Test func `who gave a place away keeps owner, order and stop, and begins with a new memory`() {
    var core = core(sessions: 1)
    observe("a", 5, at: 0, &core)
    let job = core.nextJob(at: 0)
    var context = EpisodeContext()
    context.record([Action(values: [0.5])], moving: true)
    core.finish(
      Outcome(
        jobID: job?.id ?? 0,
        answer: .acted([.init(result: .success(FakePolicy.chunk(for: .sample(5), validFor: 1)), context: context)])),
      at: 0)
    _ = core.takeReplies()
    fly("b", at: 1000, &core)
    observe("a", id: 1, 5, at: 2000, &core)
    send(.observation(.sample(6)), id: 2, token: [], at: 2000, to: &core)
    #expect(codes(&core) == [1: .outOfOrder, 2: .notOwner])
    observe("a", id: 3, 6, at: 2000, &core)
    guard case .act(let steps)? = core.nextJob(at: 2000)?.work else {
      Issue.record("no job")
      return
    }
    #expect(steps.map(\.context.counters.chunks) == [0])
  }

  @Test func `a refused observation takes nobody's place`() {
    var core = core(maximumAge: 10, sessions: 1)
    fly("a", at: 0, &core)
    send(.observation(.sample(1, age: 11)), id: 1, session: "b", at: 5000, to: &core)
    #expect(codes(&core) == [1: .staleObservation])
    #expect(core.takeEvents().allSatisfy { $0.kind != .sessionYielded })
  }

  @Test func `a greeting, a reset, a stop and a question take no place`() {
    var core = core(sessions: 1, canGenerate: true)
    for index in UInt64(0)..<10 {
      send(.hello(clientName: "", clientVersion: ""), id: index, session: "h\(index)", to: &core)
      send(.stop(reason: ""), id: 100 + index, session: "s\(index)", to: &core)
      send(.reset, id: 200 + index, to: &core)
    }
    send(.generate(GenerationRequest(prompt: "")), id: 300, session: "q", to: &core)
    #expect(codes(&core).values.allSatisfy { $0 == nil })
    #expect(core.metrics.sessions == 0)
  }

  @Test
  func
    `a stop is never refused: with all places taken, before the policy is warm, after the end, or for a name that nobody knows`()
  {
    var core = core(sessions: 2)
    observe("a", at: 0, &core)
    observe("b", at: 0, &core)
    send(.stop(reason: ""), id: 1, session: "unheard of", to: &core)
    send(.stop(reason: ""), id: 2, session: "a", token: [1], to: &core)
    var codes = codes(&core)
    #expect(codes.removeValue(forKey: 0) == .some(.some(.stopped)))
    #expect(codes == [1: nil, 2: nil])
    greet("unheard of", &core)
    observe("unheard of", id: 3, at: 0, &core)
    #expect(self.codes(&core) == [3: .stopped])
    core.close(at: 0)
    send(.stop(reason: ""), id: 4, session: "late", to: &core)
    #expect(self.codes(&core)[4] == .some(nil))

    var cold = self.core(isReady: false)
    send(.stop(reason: ""), id: 1, session: "early", to: &cold)
    cold.becomeReady(at: 0)
    #expect(self.codes(&cold) == [1: nil])
    greet("early", &cold)
    observe("early", id: 2, at: 0, &cold)
    #expect(self.codes(&cold) == [2: .stopped])
  }

  @Test func `stopped sessions keep nobody from flying`() {
    var core = core(sessions: 2, known: 1000)
    // One that has a place, and hundreds that have none.
    fly("a", at: 0, &core)
    fly("b", at: 0, &core)
    send(.stop(reason: ""), session: "a", at: 1, to: &core)
    for index in 0..<500 { send(.stop(reason: ""), session: "x\(index)", at: 2, to: &core) }
    _ = core.takeReplies()
    observe("new", id: 1, at: 3, &core)
    #expect(codes(&core) == [:], "a stopped session yields without having been idle")
    observe("a", id: 2, 2, at: 4, &core)
    send(.resume, id: 3, session: "a", at: 4, to: &core)
    observe("a", id: 4, 2, at: 5, &core)
    #expect(
      codes(&core) == [2: .stopped, 3: nil, 4: .overloaded],
      "it is still stopped, and then waits for a place as others do")
  }

  @Test func `the oldest idle sessions are forgotten first, and no stop while there are others`() {
    var core = core(sessions: 2, known: 20, owned: [])
    for index in 0..<5 { send(.stop(reason: ""), session: "stopped\(index)", at: UInt64(index), to: &core) }
    for index in 0..<100 { greet("idle\(index)", at: 10 + UInt64(index), &core) }
    #expect(core.metrics.knownSessions == 15)
    observe("idle0", id: 1, at: 200, &core)
    #expect(codes(&core) == [1: .notOwner], "forgotten")
    for index in 0..<5 {
      greet("stopped\(index)", &core)
      observe("stopped\(index)", id: UInt64(index), at: 300, &core)
    }
    #expect(codes(&core).values.allSatisfy { $0 == .stopped })
    greet("fresh", &core)
    observe("fresh", id: 9, at: 400, &core)
    #expect(codes(&core) == [:], "no stop was forgotten, so that newcomers may fly")
  }

  @Test func `once a stop had to be forgotten, whoever is not known begins stopped`() {
    var core = core(sessions: 2, known: 10, owned: ["flying"])
    fly("flying", at: 0, &core)
    for index in UInt64(0)..<20 { send(.stop(reason: ""), id: index, session: "stopped\(index)", at: index, to: &core) }
    #expect(codes(&core).allSatisfy { $0.value == nil })
    #expect(core.metrics.knownSessions == 6, "half of what may be known is for those that somebody owns")
    // The first of them is not known any more: its robot cannot fly without a greeting, and then finds itself stopped.
    observe("stopped0", id: 1, at: 100, &core)
    #expect(codes(&core) == [1: .notOwner])
    greet("stopped0", at: 100, &core)
    observe("stopped0", id: 2, at: 100, &core)
    #expect(codes(&core) == [2: .stopped])
    send(.resume, id: 3, session: "stopped0", at: 101, to: &core)
    observe("stopped0", id: 4, at: 101, &core)
    fly("flying", 2, at: 102, &core)
    #expect(core.metrics.chunks == 3, "whoever flies goes on, and whoever resumes on purpose too")
  }

  @Test func `no flood of stops makes the daemon forget an owner`() {
    var core = core(sessions: 2, known: 10, owned: ["arm"])
    for index in 0..<1_000 { send(.stop(reason: ""), session: "made up \(index)", at: 1, to: &core) }
    _ = core.takeReplies()
    send(.hello(clientName: "", clientVersion: ""), id: 1, session: "arm", token: [UInt8](1...16), at: 2, to: &core)
    guard case .capabilities(let capabilities)? = core.takeReplies().last?.reply.body else {
      Issue.record("no capabilities")
      return
    }
    #expect(capabilities.sessionToken == [], "the name is still its owner's")
    observe("arm", id: 2, at: 3, &core)
    #expect(codes(&core) == [:], "and its robot flies")
  }

  @Test func `the operator ends what a forgotten stop has begun`() {
    let token = SessionToken()
    var core = core(sessions: 2, known: 10, operatorToken: token, owned: [])
    for index in 0..<6 { send(.stop(reason: ""), session: "made up \(index)", at: 1, to: &core) }
    _ = core.takeReplies()
    #expect(core.takeEvents().count { $0.kind == .stopForgotten } == 1)
    greet("first", &core)
    observe("first", id: 1, at: 2, &core)
    send(.resumeUnknown, id: 2, session: "anybody", to: &core)
    #expect(codes(&core) == [1: .stopped, 2: .notOwner])
    send(.resumeUnknown, id: 3, session: "anybody", token: token.bytes, to: &core)
    greet("second", &core)
    observe("second", id: 4, at: 4, &core)
    observe("first", id: 5, 2, at: 5, &core)
    let later = codes(&core)
    #expect(later == [5: .stopped], "what has begun stopped is resumed on purpose")
  }

  @Test func `tens of thousands of names cost little time and bounded memory`() {
    var core = core(sessions: 2, known: 1000, owned: [])
    let clock = ContinuousClock()
    let took = clock.measure {
      for index in 0..<50_000 {
        send(.stop(reason: ""), session: "s\(index)", at: UInt64(index), to: &core)
        send(.hello(clientName: "", clientVersion: ""), session: "h\(index)", at: UInt64(index), to: &core)
        if index % 100 == 0 {
          _ = core.takeReplies()
          _ = core.takeEvents()
        }
      }
    }
    #expect(core.metrics.knownSessions == 1000)
    // Linear: about a second in a debug build. Looking through all names each time would take minutes.
    #expect(took < .seconds(20), "\(took)")
  }
}
