import ControlDaemon
import RobotInterface
import RobotPolicy
import Testing

/// Questions to the model beside the robots.
extension ControlCoreTests {
  private func ask(_ id: UInt64, session: String = "person", at now: UInt64 = 0, _ core: inout ControlCore) {
    send(.generate(GenerationRequest(prompt: "")), id: id, session: session, at: now, to: &core)
  }

  private func finishGeneration(
    _ job: Job?, at now: UInt64 = 0, _ core: inout ControlCore, reason: GenerationResult.FinishReason = .end
  ) {
    let result = GenerationResult(text: "a", tokens: [3], finishReason: reason)
    core.finish(Outcome(jobID: job?.id ?? 0, answer: .generated(.success(result))), at: now)
  }

  /// Whether a job was not called off since the last call.
  private func isWanted(_ job: Job?, _ core: inout ControlCore) -> Bool {
    !core.takeCancellations().contains(job?.id ?? 0)
  }

  /// The one reply that is there, a generation.
  private func generation(_ core: inout ControlCore) throws -> (id: UInt64, result: GenerationResult) {
    let replies = core.takeReplies().filter { if case .generation = $0.reply.body { true } else { false } }
    let reply = try #require(replies.first?.reply)
    guard replies.count == 1, case .generation(let result) = reply.body else {
      throw RobotError(.internal, "test", "\(replies.count) generations")
    }
    return (reply.requestID, result)
  }

  @Test func `robots go before texts`() {
    var core = core(canGenerate: true)
    ask(1, &core)
    send(.observation(.sample(1)), session: "robot", to: &core)
    let job = core.nextJob(at: 0)
    #expect(job?.isAct == true, "the text went first")
    #expect(core.nextJob(at: 0) == nil, "a text does not begin while a robot waits for its step")
    finish(job, &core)
    #expect(core.nextJob(at: 0)?.isAct == false)
  }

  @Test func `an observation begins while a generation is under way, and each gets its own answer`() throws {
    var core = core(canGenerate: true)
    ask(1, at: 10, &core)
    let text = core.nextJob(at: 30)
    send(.observation(.sample(1)), id: 2, session: "robot", at: 40, to: &core)
    let step = core.nextJob(at: 41)
    #expect(step?.isAct == true)
    send(.observation(.sample(2)), id: 3, session: "robot", at: 42, to: &core)
    ask(4, session: "other", &core)
    #expect(core.nextJob(at: 43) == nil, "one step and one text at a time")
    finish(step, at: 50, &core)
    #expect(codes(&core) == [2: nil])
    finish(core.nextJob(at: 51), at: 60, &core)
    #expect(codes(&core) == [3: nil])
    #expect(core.nextJob(at: 61) == nil, "the first text is still under way")
    finishGeneration(text, at: 70, &core)
    let answer = try generation(&core)
    #expect(answer.id == 1)
    #expect(answer.result.timings[.queue] == 20)
    #expect(core.nextJob(at: 71)?.isAct == false)
  }

  @Test func `progress goes to who asked, and is no final reply`() throws {
    var core = core(canGenerate: true)
    ask(1, &core)
    let next = core.nextJob(at: 0)
    let job = try #require(next)
    core.report(GenerationProgress(tokens: 1, limit: 9), of: job.id)
    let replies = core.takeReplies()
    let reply = try #require(replies.first?.reply)
    #expect(reply.requestID == 1)
    #expect(reply.sessionID == "person")
    #expect(reply.body == .progress(GenerationProgress(tokens: 1, limit: 9)))
    core.report(GenerationProgress(tokens: 0, limit: 9), of: job.id)
    core.report(GenerationProgress(tokens: 2, limit: 9), of: job.id + 1)
    #expect(core.takeReplies().isEmpty, "neither what cannot be sent nor what belongs to nobody")
    finishGeneration(job, &core)
    core.report(GenerationProgress(tokens: 3, limit: 9), of: job.id)
    #expect(codes(&core) == [1: nil], "nothing comes after the final reply")
  }

  @Test func `a cancelled generation that runs is told to end, and answers for itself`() throws {
    var core = core(canGenerate: true)
    ask(1, &core)
    let job = core.nextJob(at: 0)
    send(.cancel(requestID: 1), id: 2, session: "person", to: &core)
    #expect(codes(&core) == [2: nil], "the cancel is acknowledged at once")
    #expect(!isWanted(job, &core))
    finishGeneration(job, &core, reason: .cancelled)
    let answer = try generation(&core)
    #expect(answer.id == 1)
    #expect(answer.result.text == "a")
    #expect(answer.result.finishReason == .cancelled)
  }

  @Test func `a cancelled generation that waits is answered at once`() throws {
    var core = core(canGenerate: true)
    ask(1, session: "other", &core)
    let running = core.nextJob(at: 0)
    ask(2, at: 5, &core)
    send(.cancel(requestID: 2), id: 3, session: "person", at: 9, to: &core)
    let answer = try generation(&core)
    #expect(answer.id == 2)
    #expect(answer.result.finishReason == .cancelled)
    #expect(answer.result.timings[.queue] == 4)
    #expect(isWanted(running, &core), "the running one is somebody else's")
  }

  @Test func `a client that has gone takes its own question with it`() {
    var core = core(canGenerate: true)
    ask(1, &core)
    let job = core.nextJob(at: 0)
    core.clientHasGone(Route(connection: [2]))
    #expect(isWanted(job, &core))
    core.clientHasGone(route)
    #expect(!isWanted(job, &core))
  }

  @Test func `what is unknown, over or another session's cannot be cancelled`() {
    var core = core(canGenerate: true)
    ask(1, &core)
    let job = core.nextJob(at: 0)
    ask(2, session: "waiting", &core)
    send(.cancel(requestID: 9), id: 10, session: "person", to: &core)
    send(.cancel(requestID: 1), id: 11, session: "thief", to: &core)
    send(.cancel(requestID: 2), id: 12, session: "person", to: &core)
    #expect(codes(&core) == [10: .unknownRequest, 11: .unknownRequest, 12: .unknownRequest])
    #expect(isWanted(job, &core))
    finishGeneration(job, &core)
    send(.cancel(requestID: 1), id: 13, session: "person", to: &core)
    #expect(codes(&core) == [1: nil, 13: .unknownRequest])
  }

  @Test func `an observation cannot be cancelled, and a cancel leaves the session's robot alone`() {
    var core = core(canGenerate: true)
    send(.observation(.sample(1)), id: 1, to: &core)
    let step = core.nextJob(at: 0)
    send(.cancel(requestID: 1), id: 2, to: &core)
    finish(step, &core)
    #expect(codes(&core) == [1: nil, 2: .unknownRequest])
  }

  @Test func `a newer question takes the place of the one that waits, not of the one that runs`() {
    var core = core(canGenerate: true)
    ask(1, &core)
    let job = core.nextJob(at: 0)
    ask(2, &core)
    ask(3, &core)
    #expect(codes(&core) == [2: .superseded])
    finishGeneration(job, &core)
    finishGeneration(core.nextJob(at: 0), &core)
    #expect(codes(&core) == [1: nil, 3: nil])
  }

  @Test func `a stop ends the session's questions too, a reset does not`() {
    var core = core(canGenerate: true)
    ask(1, session: "a", &core)
    let job = core.nextJob(at: 0)
    ask(2, session: "a", &core)
    send(.reset, id: 3, to: &core)
    #expect(isWanted(job, &core))
    send(.stop(reason: ""), id: 4, to: &core)
    #expect(!isWanted(job, &core))
    finishGeneration(job, &core, reason: .cancelled)
    #expect(codes(&core) == [1: nil, 2: nil, 3: nil, 4: nil])
    #expect(core.metrics.generations == 2)
    #expect(core.nextJob(at: 0) == nil)
  }

  @Test func `closing answers what is under way, beside each other too`() {
    var core = core(canGenerate: true)
    ask(1, &core)
    let text = core.nextJob(at: 0)
    send(.observation(.sample(1)), id: 2, to: &core)
    let step = core.nextJob(at: 0)
    ask(3, session: "waiting", &core)
    core.close(at: 0)
    #expect(codes(&core) == [1: .shuttingDown, 2: .shuttingDown, 3: .shuttingDown])
    finish(step, &core)
    finishGeneration(text, &core, reason: .cancelled)
    #expect(codes(&core) == [:])
  }

  @Test func `a generation that fails is an error, and one that answers like a robot too`() {
    var core = core(canGenerate: true)
    ask(1, &core)
    let first = core.nextJob(at: 0)
    core.finish(
      Outcome(jobID: first?.id ?? 0, answer: .generated(.failure(RobotError(.invalidAudio, "x", "y")))), at: 0)
    ask(2, &core)
    let second = core.nextJob(at: 0)
    let chunk = FakePolicy.chunk(for: .sample(1))
    core.finish(Outcome(jobID: second?.id ?? 0, answer: .acted([.init(result: .success(chunk))])), at: 0)
    #expect(codes(&core) == [1: .invalidAudio, 2: .internal])
  }
}
