import ControlDaemon
import RobotInterface
import RobotPolicy
import Testing

/// Observations of several sessions in one job.
extension ControlCoreTests {
  /// Observation `id` of session `s<id>` for each id.
  private func observe(_ ids: ClosedRange<UInt64>, age: UInt64 = 0, at now: UInt64 = 0, _ core: inout ControlCore) {
    for id in ids {
      send(.observation(.sample(id, age: age, clock: .monotonic)), id: id, session: "s\(id)", at: now, to: &core)
    }
  }

  /// The observations of a job, in order.
  private func sequences(_ job: Job?) -> [UInt64] {
    guard let job, case .act(let steps) = job.work else { return [] }
    return steps.map(\.observation.sequence)
  }

  /// How many chunks the contexts of a job remember.
  private func counts(_ job: Job?) -> [Int] {
    guard let job, case .act(let steps) = job.work else { return [] }
    return steps.map(\.context.counters.chunks)
  }

  /// Finishes a job whose every step remembers one chunk more.
  private func finishAndRemember(_ job: Job?, _ core: inout ControlCore) {
    guard let job, case .act(let steps) = job.work else {
      Issue.record("no job")
      return
    }
    let answers = steps.map { step in
      var context = step.context
      context.record([Action(values: [0.5])], moving: true)
      return Outcome.Step(result: .success(FakePolicy.chunk(for: step.observation)), context: context)
    }
    core.finish(Outcome(jobID: job.id, answer: .acted(answers)), at: 0)
  }

  @Test func `whoever waits is answered together, in the order of the line, each with its queue time`() {
    var core = core(sessions: 8)
    for id in UInt64(1)...3 { observe(id...id, at: 10 * id, &core) }
    let job = core.nextJob(at: 50)
    #expect(sequences(job) == [1, 2, 3])
    observe(4...4, at: 60, &core)
    #expect(core.nextJob(at: 60) == nil, "what comes later waits for the next job")
    finish(job, at: 70, &core)
    var queued: [UInt64: UInt64] = [:]
    for outgoing in core.takeReplies() {
      guard case .actionChunk(let chunk) = outgoing.reply.body else { continue }
      #expect(chunk.observationSequence == outgoing.reply.requestID)
      #expect(outgoing.reply.sessionID == "s\(outgoing.reply.requestID)")
      queued[outgoing.reply.requestID] = chunk.timings[.queue]
    }
    #expect(queued == [1: 40, 2: 30, 3: 20])
    #expect(core.metrics.chunks == 3)
    #expect(sequences(core.nextJob(at: 70)) == [4])
  }

  @Test func `a batch has a limit, and whoever did not fit comes first in the next`() {
    var core = core(sessions: 8, batch: 2)
    observe(1...3, &core)
    let first = core.nextJob(at: 0)
    #expect(sequences(first) == [1, 2])
    // Those who are served line up behind the one who waits already.
    send(.observation(.sample(11)), id: 11, session: "s1", to: &core)
    finish(first, &core)
    let second = core.nextJob(at: 0)
    #expect(sequences(second) == [3, 11])
    finish(second, &core)
    #expect(codes(&core) == [1: nil, 2: nil, 3: nil, 11: nil])
  }

  @Test func `no batch is smaller than one`() {
    var core = core(batch: -1)
    observe(1...2, &core)
    #expect(sequences(core.nextJob(at: 0)) == [1])
  }

  @Test func `a session is in a batch once, with its newest observation`() {
    var core = core()
    observe(1...1, &core)
    observe(2...2, &core)
    send(.observation(.sample(5)), id: 5, session: "s1", to: &core)
    #expect(sequences(core.nextJob(at: 0)) == [5, 2])
    #expect(codes(&core) == [1: .superseded])
  }

  @Test func `one who grew old in the line gets no place, and costs nobody one`() {
    var core = core(maximumAge: 100, sessions: 8, batch: 2)
    observe(1...1, &core)
    observe(2...2, age: 90, &core)
    observe(3...4, &core)
    #expect(sequences(core.nextJob(at: 20)) == [1, 3])
    #expect(codes(&core) == [2: .staleObservation])
  }

  @Test func `a stop within a batch takes that robot's commands alone`() {
    var core = core(sessions: 8)
    observe(1...3, &core)
    let job = core.nextJob(at: 0)
    send(.stop(reason: ""), id: 20, session: "s2", to: &core)
    #expect(codes(&core) == [2: .stopped, 20: nil])
    finishAndRemember(job, &core)
    #expect(codes(&core) == [1: nil, 3: nil])
    #expect(core.metrics.chunks == 2)
    send(.resume, id: 21, session: "s2", to: &core)
    for id in UInt64(1)...3 { send(.observation(.sample(10 + id)), id: 10 + id, session: "s\(id)", to: &core) }
    #expect(counts(core.nextJob(at: 0)) == [1, 0, 1], "the stopped step is not remembered")
  }

  @Test func `a reset within a batch begins that episode alone anew`() {
    var core = core(sessions: 8)
    observe(1...2, &core)
    finishAndRemember(core.nextJob(at: 0), &core)
    #expect(codes(&core) == [1: nil, 2: nil])
    for id in UInt64(1)...2 { send(.observation(.sample(10 + id)), id: 10 + id, session: "s\(id)", to: &core) }
    let job = core.nextJob(at: 0)
    #expect(counts(job) == [1, 1])
    send(.reset, id: 20, session: "s1", to: &core)
    // The new episode's first observation waits while the old one's last is still computed.
    send(.observation(.sample(1)), id: 21, session: "s1", to: &core)
    #expect(core.nextJob(at: 0) == nil)
    finishAndRemember(job, &core)
    #expect(codes(&core) == [11: .superseded, 12: nil, 20: nil])
    #expect(counts(core.nextJob(at: 0)) == [0])
  }

  @Test func `closing answers a whole batch, and its outcome nobody`() {
    var core = core(sessions: 8)
    observe(1...3, &core)
    let job = core.nextJob(at: 0)
    core.close(at: 0)
    #expect(codes(&core) == [1: .shuttingDown, 2: .shuttingDown, 3: .shuttingDown])
    finish(job, &core)
    #expect(codes(&core) == [:])
  }

  @Test func `one who is refused, or gets a broken answer, spoils nobody's`() {
    var core = core(sessions: 8)
    observe(1...4, &core)
    let job = core.nextJob(at: 0)
    var seen = EpisodeContext()
    seen.record([Action(values: [0])], moving: false)
    var broken = FakePolicy.chunk(for: .sample(3))
    broken.actions[0].values = [.nan]
    let answers: [Outcome.Step] = [
      .init(result: .success(FakePolicy.chunk(for: .sample(1)))),
      .init(result: .failure(RobotError(.frozenCamera, "x", "y")), context: seen),
      .init(result: .success(broken)),
      .init(result: .success(FakePolicy.chunk(for: .sample(4)))),
    ]
    core.finish(Outcome(jobID: job?.id ?? 0, answer: .acted(answers)), at: 0)
    #expect(codes(&core) == [1: nil, 2: .frozenCamera, 3: .invalidAction, 4: nil])
    send(.observation(.sample(12)), id: 12, session: "s2", to: &core)
    #expect(counts(core.nextJob(at: 0)) == [1], "what a refused observation showed is remembered")
  }

  @Test func `a policy that leaves somebody out, or talks instead, has answered nobody else's question`() {
    for answer in [
      Outcome.Answer.acted([.init(result: .success(FakePolicy.chunk(for: .sample(1))))]),
      .generated(.success(GenerationResult(finishReason: .end))),
    ] {
      var core = core()
      observe(1...2, &core)
      let job = core.nextJob(at: 0)
      core.finish(Outcome(jobID: job?.id ?? 0, answer: answer), at: 0)
      let codes = codes(&core)
      #expect(codes.count == 2 && codes[2] == .internal)
      #expect(core.nextJob(at: 0) == nil)
    }
  }

  @Test func `a session in a batch makes no room for another, however long that takes`() {
    var core = core(sessions: 2)
    observe(1...2, &core)
    #expect(sequences(core.nextJob(at: 0)) == [1, 2])
    send(.observation(.sample(1)), id: 3, session: "new", at: 1 << 40, to: &core)
    #expect(codes(&core) == [3: .overloaded])
  }

  @Test func `robots that wait begin together beside a question`() {
    var core = core(sessions: 8, canGenerate: true)
    send(.generate(GenerationRequest(prompt: "")), id: 9, session: "person", to: &core)
    let text = core.nextJob(at: 0)
    observe(1...2, &core)
    let job = core.nextJob(at: 0)
    #expect(sequences(job) == [1, 2])
    finish(job, &core)
    core.finish(
      Outcome(jobID: text?.id ?? 0, answer: .generated(.success(GenerationResult(finishReason: .end)))), at: 0)
    #expect(codes(&core) == [1: nil, 2: nil, 9: nil])
  }
}
