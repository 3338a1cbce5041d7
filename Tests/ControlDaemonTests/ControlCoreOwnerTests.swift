import ControlDaemon
import RobotInterface
import RobotPolicy
import Testing

/// Who may do what with a session.
extension ControlCoreTests {
  private func token(of reply: ReplyMessage?) -> [UInt8]? {
    guard case .capabilities(let capabilities) = reply?.body else { return nil }
    return capabilities.sessionToken
  }

  private func hello(_ session: String, token: [UInt8] = [], _ core: inout ControlCore) -> [UInt8]? {
    send(.hello(clientName: "", clientVersion: ""), session: session, token: token, to: &core)
    return self.token(of: core.takeReplies().last?.reply)
  }

  @Test func `the first to greet owns the session, and only its token finds it again`() throws {
    var core = core(owned: [])
    let token = try #require(hello("arm", &core))
    #expect(token.count == SessionToken.byteCount)
    #expect(hello("arm", token: token, &core) == token, "a reconnection")
    #expect(hello("arm", &core) == [], "a stranger learns what is served, and no more")
    #expect(hello("arm", token: [UInt8](repeating: 0, count: 16), &core) == [])
    #expect(hello("arm", token: Array(token.dropLast()), &core) == [])
    #expect(hello("other", &core) != token)
  }

  @Test func `a client chooses its own token, so that a lost answer costs nothing`() {
    var core = core(owned: [])
    let mine = [UInt8](1...16), others = [UInt8](2...17)
    // The answer to the first is lost, and nobody but its sender can ask again.
    #expect(hello("arm", token: mine, &core) == mine)
    #expect(hello("arm", token: others, &core) == [])
    #expect(hello("arm", &core) == [])
    #expect(hello("arm", token: mine, &core) == mine)
    send(.observation(.sample(1)), id: 1, session: "arm", token: mine, to: &core)
    #expect(codes(&core) == [:])
  }

  @Test(arguments: [1, 15, 65]) func `a token that could be guessed, or not travel, is not taken`(count: Int) throws {
    var core = core(owned: [])
    let token = try #require(hello("arm", token: [UInt8](repeating: 7, count: count), &core))
    #expect(token.count == SessionToken.byteCount)
    #expect(SessionToken(chosen: [UInt8](repeating: 7, count: 64)) != nil)
  }

  @Test func `a token made here is made anew while nobody has sent it, and not after that`() throws {
    var core = core(owned: [])
    let lost = try #require(hello("arm", &core))
    let second = try #require(hello("arm", &core))
    #expect(second.count == SessionToken.byteCount && second != lost)
    send(.reset, id: 1, session: "arm", token: lost, to: &core)
    #expect(codes(&core) == [1: .notOwner])
    send(.reset, id: 2, session: "arm", token: second, to: &core)
    #expect(codes(&core) == [2: nil])
    #expect(hello("arm", &core) == [])
  }

  @Test func `the operator's token becomes nobody's own`() throws {
    let token = SessionToken()
    var core = core(operatorToken: token, owned: [])
    let own = try #require(hello("arm", token: token.bytes, &core))
    #expect(own.count == SessionToken.byteCount && own != token.bytes)
  }

  @Test func `while the policy warms up a session has one greeting in the line, the newest`() {
    var core = core(sessions: 4, isReady: false)
    let mine = [UInt8](1...16), others = [UInt8](2...17)
    for id in UInt64(1)...200 {
      send(.hello(clientName: "", clientVersion: ""), id: id, session: "arm", token: mine, to: &core)
    }
    let replaced = codes(&core)
    #expect(replaced.count == 199 && replaced.values.allSatisfy { $0 == .superseded })
    send(.hello(clientName: "", clientVersion: ""), id: 201, session: "arm", token: others, to: &core)
    send(.hello(clientName: "", clientVersion: ""), id: 202, session: "other", to: &core)
    core.becomeReady(at: 0)
    var found: [UInt64: [UInt8]] = [:]
    for outgoing in core.takeReplies() { found[outgoing.reply.requestID] = token(of: outgoing.reply) }
    #expect(found[200] == mine, "whoever asked first is the owner, with the answer that it waits for")
    #expect(found[201] == [])
    #expect(found[202]?.count == SessionToken.byteCount)
  }

  // MARK: Giving up

  @Test func `a session that was given up belongs to whoever greets next, still stopped`() throws {
    var core = core(canGenerate: true)
    send(.observation(.sample(9)), id: 1, to: &core)
    let job = core.nextJob(at: 0)
    send(.observation(.sample(10)), id: 2, to: &core)
    send(.generate(GenerationRequest(prompt: "")), id: 3, to: &core)
    send(.release, id: 4, token: [], to: &core)
    #expect(codes(&core) == [4: .notOwner])
    send(.stop(reason: ""), id: 5, session: "b", to: &core)
    send(.release, id: 6, session: "b", to: &core)
    send(.release, id: 7, to: &core)
    #expect(codes(&core) == [1: .notOwner, 2: .notOwner, 3: nil, 5: nil, 6: nil, 7: nil])
    #expect(core.metrics.sessions == 0)
    finish(job, &core)
    send(.observation(.sample(11)), id: 8, to: &core)
    #expect(codes(&core) == [8: .notOwner])
    greet("a", &core)
    greet("b", &core)
    send(.observation(.sample(1)), id: 9, to: &core)
    send(.observation(.sample(1)), id: 10, session: "b", to: &core)
    #expect(codes(&core) == [10: .stopped], "a begins a new episode; b was stopped")
  }

  @Test func `the operator frees a name whose owner has lost its token`() {
    let token = SessionToken()
    var core = core(operatorToken: token)
    send(.release, id: 1, token: token.bytes, to: &core)
    send(.release, id: 2, session: "unknown", token: token.bytes, to: &core)
    #expect(codes(&core) == [1: nil, 2: .invalidSession])
    let mine = [UInt8](1...16)
    #expect(hello("a", token: mine, &core) == mine)
  }

  @Test func `nobody flies, resets or resumes a session that nobody has greeted`() {
    var core = core(owned: [])
    send(.observation(.sample(1)), id: 1, session: "x", to: &core)
    send(.reset, id: 2, session: "x", to: &core)
    send(.resume, id: 3, session: "x", to: &core)
    let messages = core.takeReplies().map(\.reply.body).compactMap { body -> RobotError? in
      if case .error(let error) = body { error } else { nil }
    }
    #expect(messages.map(\.code) == [.notOwner, .notOwner, .notOwner])
    #expect(messages.allSatisfy { $0.message.contains("say hello first") })
    #expect(core.metrics.knownSessions == 0)
  }

  @Test func `a stranger may stop and nothing else, and what is refused changes nothing`() {
    var core = core(canGenerate: true)
    send(.observation(.sample(1)), id: 1, to: &core)
    let job = core.nextJob(at: 0)
    send(.observation(.sample(2)), id: 2, to: &core)
    send(.generate(GenerationRequest(prompt: "")), id: 3, to: &core)
    for (offset, stranger) in [[], [UInt8](repeating: 7, count: 16), tokens.tokens["b"] ?? []].enumerated() {
      let id = UInt64(10 * (offset + 1))
      send(.observation(.sample(1_000_000_000_000_000)), id: id, token: stranger, to: &core)
      send(.reset, id: id + 1, token: stranger, to: &core)
      send(.resume, id: id + 2, token: stranger, to: &core)
      send(.generate(GenerationRequest(prompt: "")), id: id + 3, token: stranger, to: &core)
      send(.cancel(requestID: 3), id: id + 4, token: stranger, to: &core)
      #expect(codes(&core) == Dictionary(uniqueKeysWithValues: (id...id + 4).map { ($0, .notOwner) }))
    }
    finish(job, &core)
    finish(core.nextJob(at: 0), &core)
    #expect(codes(&core) == [1: nil, 2: nil])
    let question = core.nextJob(at: 0)
    #expect(question?.isAct == false && core.takeCancellations().isEmpty)
    send(.stop(reason: ""), id: 50, token: [9], to: &core)
    #expect(codes(&core) == [50: nil])
    send(.resume, id: 51, token: [9], to: &core)
    send(.observation(.sample(3)), id: 52, to: &core)
    #expect(codes(&core) == [51: .notOwner, 52: .stopped])
  }

  @Test func `a question needs no owner, where there is none`() {
    var core = core(canGenerate: true, owned: ["arm"])
    for (id, session) in [(UInt64(1), "nobody"), (2, "arm")] {
      send(.generate(GenerationRequest(prompt: "")), id: id, session: session, token: [], to: &core)
    }
    send(.cancel(requestID: 1), id: 3, session: "nobody", token: [], to: &core)
    let codes = codes(&core)
    #expect(codes == [1: nil, 2: .notOwner, 3: nil])
  }

  @Test func `the operator resumes and resets any session, and does nothing else`() {
    let token = SessionToken()
    var core = core(canGenerate: true, operatorToken: token)
    send(.stop(reason: ""), id: 1, session: "never seen", to: &core)
    send(.stop(reason: ""), id: 2, to: &core)
    send(.reset, id: 3, token: token.bytes, to: &core)
    send(.resume, id: 4, token: token.bytes, to: &core)
    send(.resume, id: 5, session: "never seen", token: token.bytes, to: &core)
    send(.resume, id: 6, session: "unknown", token: token.bytes, to: &core)
    #expect(codes(&core) == [1: nil, 2: nil, 3: nil, 4: nil, 5: nil, 6: .invalidSession])
    send(.observation(.sample(1)), id: 7, token: token.bytes, to: &core)
    send(.generate(GenerationRequest(prompt: "")), id: 8, token: token.bytes, to: &core)
    send(.observation(.sample(1)), id: 9, to: &core)
    #expect(codes(&core) == [7: .notOwner, 8: .notOwner])
    finish(core.nextJob(at: 0), &core)
    #expect(codes(&core) == [9: nil])
  }

  @Test func `without an operator nobody is one`() {
    var core = core()
    send(.stop(reason: ""), id: 1, to: &core)
    send(.resume, id: 2, token: [], to: &core)
    #expect(codes(&core) == [1: nil, 2: .notOwner])
  }

  @Test func `a token shows in no text`() {
    let token = SessionToken(), number = String(token.bytes[0])
    var dumped = ""
    dump(token, to: &dumped)
    for text in ["\(token)", String(reflecting: token), dumped] {
      #expect(!text.contains(number) || number.count < 2, "\(text)")
      #expect(text.contains("secret") || text.contains("SessionToken"))
    }
    #expect(token.matches(token.bytes))
    #expect(!token.matches([]) && !token.matches(SessionToken().bytes))
  }

  // MARK: What is refused does not move the episode on

  @Test func `a refused observation leaves the order as it was`() {
    // Refused on arrival, in the line, by the policy, or by the last look at the commands.
    var core = core(maximumAge: 100)
    let far: UInt64 = 1_000_000_000_000_000
    send(.observation(.sample(far, capturedAt: 1, age: 101)), id: 1, to: &core)
    send(.observation(.sample(far, capturedAt: 1, clock: .monotonic)), id: 2, at: 1, to: &core)
    #expect(core.nextJob(at: 200) == nil)
    #expect(codes(&core) == [1: .staleObservation, 2: .staleObservation])
    for (id, code) in [(UInt64(3), RobotError.Code.invalidImage), (4, .frozenCamera), (5, .unknownCamera)] {
      send(.observation(.sample(far, capturedAt: far)), id: id, to: &core)
      let job = core.nextJob(at: 0)
      core.finish(
        Outcome(jobID: job?.id ?? 0, answer: .acted([.init(result: .failure(RobotError(code, "x", "y")))])), at: 0)
      #expect(codes(&core) == [id: code])
    }
    send(.observation(.sample(far, capturedAt: far)), id: 6, to: &core)
    let job = core.nextJob(at: 0)
    var broken = FakePolicy.chunk(for: .sample(far, capturedAt: far))
    broken.actions[0].values = [.infinity]
    core.finish(Outcome(jobID: job?.id ?? 0, answer: .acted([.init(result: .success(broken))])), at: 0)
    #expect(codes(&core) == [6: .invalidAction])
    send(.observation(.sample(7)), id: 7, to: &core)
    finish(core.nextJob(at: 0), &core)
    #expect(codes(&core) == [7: nil])
  }

  @Test func `commands are never given twice for one observation`() {
    var core = core()
    send(.observation(.sample(5)), id: 1, to: &core)
    let job = core.nextJob(at: 0)
    send(.observation(.sample(5)), id: 2, to: &core)
    finish(job, &core)
    send(.observation(.sample(5)), id: 3, to: &core)
    #expect(codes(&core) == [1: nil, 2: .outOfOrder, 3: .outOfOrder])
    // Nor while a newer one waits.
    send(.observation(.sample(9)), id: 4, to: &core)
    send(.observation(.sample(8)), id: 5, to: &core)
    #expect(codes(&core) == [5: .outOfOrder])
  }

  @Test func `commands that are refused are not remembered as given`() {
    var core = core()
    send(.observation(.sample(1)), id: 1, to: &core)
    let job = core.nextJob(at: 0)
    var context = EpisodeContext()
    context.record([Action(values: [0.5])], moving: true)
    var broken = FakePolicy.chunk(for: .sample(1))
    broken.confidence = .nan
    core.finish(
      Outcome(jobID: job?.id ?? 0, answer: .acted([.init(result: .success(broken), context: context)])), at: 0)
    send(.observation(.sample(2)), id: 2, to: &core)
    guard case .act(let steps)? = core.nextJob(at: 0)?.work else {
      Issue.record("no job")
      return
    }
    #expect(steps.map(\.context.counters.chunks) == [0])
    #expect(steps.allSatisfy { $0.context.lastActions.isEmpty && !$0.context.lastCommandMoves })
  }

  @Test func `a stop takes back commands that have not left yet`() {
    var core = core()
    send(.observation(.sample(1)), id: 1, to: &core)
    finish(core.nextJob(at: 0), &core)
    send(.stop(reason: ""), id: 2, to: &core)
    #expect(codes(&core) == [1: .stopped, 2: nil])
    #expect(core.metrics.chunks == 0)
  }
}
