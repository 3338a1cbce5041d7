import ControlDaemon
import RobotInterface
import RobotPolicy
import Testing

/// Requests that are decoded before they wait for the policy.
@Suite("What is to be decoded waits for that first, and keeps nobody else waiting")
struct ControlCoreDecodingTests {
  private let base = ControlCoreTests()

  private func core(maximumAge: UInt64? = 1_000, sessions: Int = 8) -> ControlCore {
    base.core(
      maximumAge: maximumAge, sessions: sessions, idleTime: .zero, canGenerate: true,
      owned: ["a", "b", "c", "person"] + (0...9).map { "s\($0)" }, decodesAhead: true)
  }

  /// A sample of observation `sequence` in session `s<id>`, with `clock` captured `at` that moment.
  private func observe(
    _ id: UInt64, sequence: UInt64? = nil, session: String? = nil, side: Int = 256, at now: UInt64 = 0,
    clock: RobotClock = .simulated, _ core: inout ControlCore
  ) {
    var observation = Observation.sample(
      sequence ?? id, capturedAt: clock == .simulated ? nil : now, clock: clock)
    observation.frames[0].width = side
    observation.frames[0].height = side
    base.send(.observation(observation), id: id, session: session ?? "s\(id)", at: now, to: &core)
  }

  private func ask(_ id: UInt64, session: String = "person", at now: UInt64 = 0, _ core: inout ControlCore) {
    let question = GenerationRequest(prompt: "", images: Observation.sample(1).frames)
    base.send(.generate(question), id: id, session: session, at: now, to: &core)
  }

  /// What an order asks for: an observation's sequence, 0 for a question.
  private func sequence(_ order: DecodingOrder?) -> UInt64? {
    switch order?.content {
    case .observation(let observation): observation.sequence
    case .question: 0
    case nil: nil
    }
  }

  private func sequences(_ job: Job?) -> [UInt64] {
    guard let job, case .act(let steps) = job.work else { return [] }
    return steps.map(\.observation.sequence)
  }

  private func decode(
    _ order: DecodingOrder?, took duration: UInt64 = 0, error: RobotError? = nil, at now: UInt64 = 0,
    _ core: inout ControlCore
  ) {
    var timings = StageTimings()
    timings[.decode] = duration
    let prepared = PreparedInput(sequence(order) ?? 0, timings: timings)
    core.finishDecoding(order?.id ?? 0, error.map { .failure($0) } ?? .success(prepared), at: now)
  }

  @Test func `an observation is decoded, then answered, and the queue's time is without it`() throws {
    var core = core()
    observe(5, at: 100, &core)
    #expect(core.nextJob(at: 100) == nil, "it is not decoded yet")
    let order = core.nextDecoding(at: 110)
    #expect(sequence(order) == 5)
    #expect(core.nextDecoding(at: 110) == nil)
    #expect(core.nextJob(at: 120) == nil)
    decode(order, took: 40, at: 150, &core)
    let job = core.nextJob(at: 160)
    guard case .act(let steps) = try #require(job).work else { return }
    #expect(steps[0].prepared?.content as? UInt64 == 5)
    base.finish(job, at: 170, &core)
    guard case .actionChunk(let chunk)? = core.takeReplies(at: 0).first?.reply.body else { return }
    #expect(chunk.timings[.queue] == 20, "60 since it came, of which 40 were decoding")
  }

  @Test func `one that takes long keeps no other waiting`() {
    var core = core()
    for id in UInt64(1)...3 { observe(id, &core) }
    let slow = core.nextDecoding(at: 0), second = core.nextDecoding(at: 0), third = core.nextDecoding(at: 0)
    #expect([slow, second, third].map(sequence) == [1, 2, 3])
    decode(second, &core)
    let job = core.nextJob(at: 0)
    #expect(sequences(job) == [2])
    base.finish(job, &core)
    decode(third, &core)
    decode(slow, &core)
    #expect(sequences(core.nextJob(at: 0)) == [1, 3], "the order of the line, not of the decoding")
  }

  @Test(arguments: [256, 4096]) func `robots do not keep a question from being decoded for ever`(side: Int) {
    let patience = ControlCore.questionPatience
    var core = core(maximumAge: nil)
    ask(99, at: 0, &core)
    for id in UInt64(1)...4 { observe(id, side: side, at: 0, &core) }
    let first = core.nextDecoding(at: patience - 1)
    #expect(sequence(first) == 1, "robots first")
    decode(first, &core)
    let question = core.nextDecoding(at: patience)
    #expect(sequence(question) == 0, "then whoever has waited for long")
    let beside = core.nextDecoding(at: patience)
    #expect(sequence(beside) == (side == 256 ? 2 : nil), "beside what is large the cameras of robots go on")
    decode(question, &core)
    if beside != nil { decode(beside, &core) }
    // A robot whose picture is as large comes before the next question.
    ask(98, session: "a", at: 0, &core)
    #expect(sequence(core.nextDecoding(at: patience)) == (side == 256 ? 0 : 2))
  }

  @Test func `a newer one displaces what waits to be decoded, which is then never decoded`() {
    var core = core()
    for id in UInt64(1)...3 { observe(id, session: "a", &core) }
    #expect(base.codes(&core) == [1: .superseded, 2: .superseded])
    #expect(sequence(core.nextDecoding(at: 0)) == 3)
    #expect(core.nextDecoding(at: 0) == nil)
    #expect(core.takeCancellations() == [])
  }

  @Test func `a robot that observes faster than it is decoded is served all the same`() {
    var core = core()
    observe(1, session: "a", &core)
    let first = core.nextDecoding(at: 0)
    observe(2, session: "a", &core)
    observe(3, session: "a", &core)
    #expect(base.codes(&core) == [2: .superseded], "what is in work is not displaced")
    #expect(core.nextDecoding(at: 0) == nil, "one of a session at a time")
    decode(first, &core)
    let job = core.nextJob(at: 0)
    #expect(sequences(job) == [1])
    decode(core.nextDecoding(at: 0), &core)
    base.finish(job, &core)
    #expect(sequences(core.nextJob(at: 0)) == [3])
  }

  @Test func `a newer one that is decoded displaces the older one, and takes its turn`() {
    var core = core()
    for id in UInt64(1)...2 { observe(id, session: "s\(id)", &core) }
    for _ in 1...2 { decode(core.nextDecoding(at: 0), &core) }
    observe(3, session: "s1", &core)
    decode(core.nextDecoding(at: 0), &core)
    #expect(base.codes(&core) == [1: .superseded])
    #expect(sequences(core.nextJob(at: 0)) == [3, 2])
  }

  @Test func `what grew too old meanwhile is not decoded, nor answered after that`() {
    var core = core(maximumAge: 100)
    observe(1, at: 1_000, clock: .monotonic, &core)
    #expect(core.nextDecoding(at: 1_101) == nil)
    observe(2, at: 1_200, clock: .monotonic, &core)
    let order = core.nextDecoding(at: 1_210)
    decode(order, at: 1_400, &core)
    #expect(core.nextJob(at: 1_400) == nil)
    #expect(base.codes(&core) == [1: .staleObservation, 2: .staleObservation])
  }

  @Test func `one large order at a time leaves room for the cameras of others`() {
    var core = core()
    for id in UInt64(1)...2 { observe(id, side: 4_096, &core) }
    observe(3, &core)
    ask(4, &core)
    #expect(sequence(core.nextDecoding(at: 0)) == 3, "the usual size goes first")
    let large = core.nextDecoding(at: 0)
    #expect(sequence(large) == 1)
    #expect(core.nextDecoding(at: 0) == nil)
    observe(5, &core)
    #expect(sequence(core.nextDecoding(at: 0)) == 5)
    decode(large, &core)
    let second = core.nextDecoding(at: 0)
    #expect(sequence(second) == 2)
    decode(second, &core)
    #expect(sequence(core.nextDecoding(at: 0)) == 0, "questions come last")
  }

  @Test func `a stop and a reset answer what is decoded, and call it off`() {
    for body in [RequestMessage.Body.stop(reason: ""), .reset] {
      var core = core()
      observe(1, session: "a", &core)
      let order = core.nextDecoding(at: 0)
      observe(2, session: "a", &core)
      observe(3, session: "b", &core)
      base.send(body, id: 9, session: "a", to: &core)
      let codes = base.codes(&core)
      #expect(codes.count == 3 && codes[1] == codes[2] && codes[1] != .some(nil) && codes[9] == .some(nil))
      #expect(core.takeCancellations() == [order?.id])
      decode(order, &core)
      #expect(core.nextJob(at: 0) == nil, "the result is dropped")
      #expect(sequence(core.nextDecoding(at: 0)) == 3)
      #expect(base.codes(&core) == [:])
    }
  }

  @Test func `a session whose picture is decoded makes no room for another`() {
    var core = core(sessions: 1)
    observe(1, session: "a", &core)
    let order = core.nextDecoding(at: 0)
    observe(2, session: "b", at: 500, &core)
    #expect(base.codes(&core) == [2: .overloaded])
    decode(order, &core)
    observe(3, session: "b", at: 500, &core)
    #expect(base.codes(&core) == [3: .overloaded], "it waits for the policy now")
  }

  @Test func `a question is decoded before it waits for the policy, and keeps no robot waiting`() throws {
    var core = core()
    ask(1, at: 10, &core)
    #expect(core.nextJob(at: 10) == nil)
    let order = core.nextDecoding(at: 20)
    observe(2, at: 20, &core)
    decode(core.nextDecoding(at: 20), &core)
    let step = core.nextJob(at: 20)
    #expect(step?.isAct == true)
    base.finish(step, &core)
    decode(order, took: 5, at: 30, &core)
    let job = core.nextJob(at: 30)
    guard case .generate(_, let prepared) = try #require(job).work else {
      Issue.record("no generation")
      return
    }
    #expect(prepared?.content as? UInt64 == 0)
  }

  @Test func `a question that shows nothing is not decoded`() {
    var core = core()
    base.send(.generate(GenerationRequest(prompt: "")), id: 1, session: "person", to: &core)
    #expect(core.nextDecoding(at: 0) == nil)
    #expect(core.nextJob(at: 0)?.isAct == false)
  }

  @Test func `a question that cannot be read is answered when that is seen`() {
    var core = core()
    ask(1, &core)
    decode(core.nextDecoding(at: 0), error: RobotError(.invalidImage, "x", "y"), &core)
    #expect(base.codes(&core) == [1: .invalidImage])
    #expect(core.nextJob(at: 0) == nil)
  }

  @Test func `a question is cancelled wherever it is`() {
    var core = core()
    ask(1, session: "a", &core)
    ask(2, session: "b", &core)
    let order = core.nextDecoding(at: 0)
    base.send(.cancel(requestID: 1), id: 11, session: "b", to: &core)
    #expect(base.codes(&core) == [11: .unknownRequest])
    base.send(.cancel(requestID: 1), id: 12, session: "a", to: &core)
    base.send(.cancel(requestID: 2), id: 13, session: "b", to: &core)
    #expect(core.takeCancellations() == [order?.id])
    #expect(base.codes(&core) == [1: nil, 2: nil, 12: nil, 13: nil])
    decode(order, &core)
    #expect(core.nextDecoding(at: 0) == nil && core.nextJob(at: 0) == nil)
    #expect(base.codes(&core) == [:])
    ask(3, session: "a", &core)
    decode(core.nextDecoding(at: 0), &core)
    base.send(.cancel(requestID: 3), id: 14, session: "a", to: &core)
    #expect(base.codes(&core) == [3: nil, 14: nil])
  }

  @Test func `a newer question displaces the one that waits, not the one in work`() {
    var core = core()
    ask(1, &core)
    let first = core.nextDecoding(at: 0)
    ask(2, &core)
    ask(3, &core)
    #expect(base.codes(&core) == [2: .superseded])
    decode(first, &core)
    decode(core.nextDecoding(at: 0), &core)
    #expect(base.codes(&core) == [1: .superseded], "both are decoded now, and one place is there")
  }

  @Test func `questions that are decoded count among those that wait`() {
    var core = core(sessions: 2)
    ask(1, session: "a", &core)
    _ = core.nextDecoding(at: 0)
    ask(2, session: "b", &core)
    ask(3, session: "c", &core)
    #expect(base.codes(&core) == [3: .overloaded])
    ask(4, session: "b", &core)
    #expect(base.codes(&core) == [2: .superseded])
  }

  @Test func `closing answers everybody and calls all decoding off`() {
    var core = core()
    for id in UInt64(1)...2 { observe(id, &core) }
    let order = core.nextDecoding(at: 0)
    ask(3, session: "a", &core)
    ask(4, session: "b", &core)
    let question = core.nextDecoding(at: 0)
    #expect(sequence(question) == 2)
    let last = core.nextDecoding(at: 0)
    core.close(at: 0)
    let codes = base.codes(&core)
    #expect(codes.count == 4 && codes.values.allSatisfy { $0 == .shuttingDown })
    #expect(Set(core.takeCancellations()) == Set([order, question, last].compactMap { $0?.id }))
    for late in [order, question, last] { decode(late, &core) }
    #expect(core.nextJob(at: 0) == nil && core.nextDecoding(at: 0) == nil)
    #expect(base.codes(&core) == [:])
  }

  @Test func `every request gets one final answer, in any order of events`() {
    for seed in UInt64(0)..<300 { play(seed) }
  }

  /// Random requests and results; everything is answered once when the core closes.
  private func play(_ seed: UInt64) {
    var state = seed
    func random(_ limit: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % limit
    }
    var core = core(maximumAge: nil)
    var orders: [DecodingOrder] = [], job: Job?, question: Job?, asked: Set<UInt64> = [], answered: [UInt64] = []
    for id in UInt64(1)...60 {
      let session = "s\(random(3))"
      switch random(10) {
      case 0...3:
        observe(id, session: session, side: random(4) == 0 ? 4_096 : 256, &core)
        asked.insert(id)
      case 4...5:
        ask(id, session: session, &core)
        asked.insert(id)
      case 6: if let order = core.nextDecoding(at: 0) { orders.append(order) }
      case 7:
        if !orders.isEmpty { decode(orders.remove(at: Int(random(UInt64(orders.count)))), &core) }
      case 8:
        base.send([.stop(reason: ""), .resume, .reset][Int(random(3))], id: id, session: session, to: &core)
        asked.insert(id)
      default:
        if let running = job {
          base.finish(running, &core)
          job = nil
        } else if let next = core.nextJob(at: 0) {
          if next.isAct { job = next } else { question = next }
        }
        if let running = question, random(2) == 0 {
          core.finish(
            Outcome(jobID: running.id, answer: .generated(.success(GenerationResult(finishReason: .end)))), at: 0)
          question = nil
        }
      }
      answered += core.takeReplies(at: 0).map(\.reply.requestID)
    }
    core.close(at: 0)
    answered += core.takeReplies(at: 0).map(\.reply.requestID)
    #expect(answered.count == asked.count && Set(answered) == asked, "seed \(seed)")
  }
}
