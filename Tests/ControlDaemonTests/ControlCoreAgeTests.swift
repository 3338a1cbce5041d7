import ControlDaemon
import RobotInterface
import RobotPolicy
import Testing

/// Old observations get no commands, wherever they grew old.
extension ControlCoreTests {
  /// An observation made at `time`, by a robot whose clock is the daemon's.
  private func seen(_ sequence: UInt64, at time: UInt64, echo: ClockEcho? = nil) -> RequestMessage.Body {
    .observation(.sample(sequence, capturedAt: time, clock: .monotonic, echo: echo))
  }

  private func chunk(_ core: inout ControlCore, at now: UInt64) -> ActionChunk? {
    for outgoing in core.takeReplies(at: now) {
      if case .actionChunk(let chunk) = outgoing.reply.body { return chunk }
    }
    return nil
  }

  @Test func `age is the robot's delay plus the wait in here`() {
    var core = core(maximumAge: 100)
    send(.observation(.sample(1, capturedAt: 899, age: 101, clock: .monotonic)), id: 1, at: 1000, to: &core)
    #expect(codes(&core) == [1: .staleObservation])
    send(.observation(.sample(2, capturedAt: 1940, age: 60, clock: .monotonic)), id: 2, at: 2000, to: &core)
    #expect(codes(&core) == [:])
    #expect(core.nextJob(at: 2041) == nil)
    #expect(codes(&core) == [2: .staleObservation])
    send(.observation(.sample(3, capturedAt: 2940, age: 60, clock: .monotonic)), id: 3, at: 3000, to: &core)
    #expect(core.nextJob(at: 3040) != nil)
  }

  @Test func `an observation is as old as the oldest of its pictures`() {
    var core = core(maximumAge: 100)
    for (id, picture, isRefused) in [(1, 899, true), (2, 1900, false), (3, 3000, false)] as [(UInt64, UInt64, Bool)] {
      var observation = Observation.sample(id, capturedAt: id * 1000, clock: .monotonic)
      observation.frames[0].capturedAt = picture
      observation.sentAt = id * 1000
      send(.observation(observation), id: id, at: id * 1000, to: &core)
      #expect(codes(&core) == (isRefused ? [id: .staleObservation] : [:]))
      if !isRefused { finish(core.nextJob(at: id * 1000), at: id * 1000, &core) }
      _ = core.takeReplies(at: id * 1000)
    }
  }

  @Test(arguments: [false, true])
  func `an observation that came before the last chunk left was made before the robot had it`(
    hasLeft: Bool
  ) throws {
    var core = core(maximumAge: nil)
    send(.observation(.sample(1)), id: 1, at: 1000, to: &core)
    guard let job = core.nextJob(at: 1010), case .act(var steps) = job.work else {
      Issue.record("no job")
      return
    }
    let chunk = FakePolicy.chunk(for: steps[0].observation, validFor: 1_000_000)
    steps[0].context.record(chunk.actions, moving: true, validUntil: chunk.validUntil)
    core.finish(
      Outcome(jobID: job.id, answer: .acted([.init(result: .success(chunk), context: steps[0].context)])), at: 1020)
    if hasLeft { _ = core.takeReplies(at: 1030) }
    // Where it has not left yet, the policy is as fast as the wire: it takes the next observation first.
    send(.observation(.sample(2)), id: 2, at: 1040, to: &core)
    guard case .act(let next) = core.nextJob(at: 1050)?.work else {
      Issue.record("no job")
      return
    }
    let ways = try next[0].context.pendingActions(after: next[0].observation).count
    #expect(hasLeft ? ways == 1 : ways > 1)
  }

  @Test func `an observation that grows old while it is computed gets no commands`() {
    var core = core(maximumAge: 100)
    send(seen(1, at: 1000), id: 1, at: 1010, to: &core)
    let late = core.nextJob(at: 1020)
    finish(late, at: 1111, &core)
    #expect(codes(at: 1111, &core) == [1: .staleObservation])
    #expect(core.metrics.chunks == 0)
    send(seen(2, at: 2000), id: 2, at: 2010, to: &core)
    finish(core.nextJob(at: 2020), at: 2100, &core)
    #expect(codes(at: 2110, &core) == [2: nil], "100 ns, which is not more than 100")
  }

  @Test func `an observation that grows old before its commands leave gets none`() {
    var core = core(maximumAge: 100)
    send(seen(1, at: 1000), id: 1, at: 1010, to: &core)
    finish(core.nextJob(at: 1020), at: 1100, &core)
    // The robot's next observation is computed with a memory of commands that do not leave.
    send(seen(2, at: 1090), id: 2, at: 1100, to: &core)
    let next = core.nextJob(at: 1100)
    #expect(codes(at: 1111, &core) == [1: .staleObservation, 2: .staleObservation])
    finish(next, at: 1112, &core)
    #expect(codes(at: 1112, &core) == [:])
    #expect(core.metrics.chunks == 0)
    // Neither has moved the episode on.
    send(seen(1, at: 1090), id: 3, at: 1112, to: &core)
    #expect(codes(&core) == [:])
  }

  @Test func `commands that were made after those that grew old do not leave either`() throws {
    var core = core(maximumAge: 100)
    func answer(_ job: Job?, _ sequence: UInt64, _ value: Double, at now: UInt64) throws {
      guard case .act(let steps)? = job?.work else {
        Issue.record("no job")
        return
      }
      var context = steps[0].context
      context.record([Action(values: [value])], moving: true)
      let chunk = FakePolicy.chunk(for: steps[0].observation)
      core.finish(
        Outcome(jobID: try #require(job).id, answer: .acted([.init(result: .success(chunk), context: context)])),
        at: now)
    }
    send(seen(1, at: 1000), id: 1, at: 1000, to: &core)
    try answer(core.nextJob(at: 1000), 1, 0.1, at: 1010)
    #expect(codes(at: 1010, &core) == [1: nil])
    for sequence in UInt64(2)...4 {
      send(seen(sequence, at: 1000 + 20 * sequence), id: sequence, at: 1000 + 20 * sequence, to: &core)
      try answer(core.nextJob(at: 1000 + 20 * sequence), sequence, 0.1 * Double(sequence), at: 1000 + 20 * sequence)
    }
    // The second is 101 ns old by now; the third and fourth are not, but their robot would begin where it has never been.
    #expect(codes(at: 1141, &core) == [2: .staleObservation, 3: .staleObservation, 4: .staleObservation])
    #expect(core.metrics.chunks == 1)
    send(seen(2, at: 1145), id: 5, at: 1150, to: &core)
    guard case .act(let steps)? = core.nextJob(at: 1150)?.work else {
      Issue.record("the order was not taken back")
      return
    }
    #expect(steps.map(\.context.lastActions) == [[Action(values: [0.1])]])
    #expect(steps.map(\.context.counters.chunks) == [1])
  }

  @Test func `a stop takes back several chunks, to what the session was before the first`() {
    var core = core(maximumAge: 100)
    for sequence in UInt64(1)...3 {
      send(seen(sequence, at: 1000 + sequence), id: sequence, at: 1010, to: &core)
      finish(core.nextJob(at: 1010), at: 1010, &core)
    }
    send(.stop(reason: ""), id: 4, at: 1010, to: &core)
    #expect(codes(at: 1010, &core) == [1: .stopped, 2: .stopped, 3: .stopped, 4: nil])
    send(.resume, id: 5, at: 1010, to: &core)
    send(seen(1, at: 1011), id: 6, at: 1012, to: &core)
    #expect(codes(at: 1012, &core) == [5: nil], "none of them has moved the episode on")
  }

  @Test func `a robot with an old echo is told what to do about it`() throws {
    let second: UInt64 = 1_000_000_000
    var core = core(maximumAge: second / 2)
    let echo = ClockEcho(replySentAt: second, replyReceivedAt: second)
    send(seen(1, at: second, echo: echo), id: 1, at: second, to: &core)
    _ = core.takeReplies(at: second)
    // Nine minutes later, and young.
    send(seen(2, at: 541 * second, echo: echo), id: 2, at: 541 * second, to: &core)
    guard case .error(let error)? = core.takeReplies(at: 541 * second).last?.reply.body else {
      Issue.record("not refused")
      return
    }
    #expect(error.code == .staleObservation && error.subject == "observation.echo")
    #expect(error.message.contains("say hello"))
    // And that helps.
    send(.hello(clientName: "", clientVersion: "", sentAt: 541 * second), id: 3, at: 541 * second, to: &core)
    let fresh = ClockEcho(replySentAt: 541 * second, replyReceivedAt: 541 * second)
    _ = core.takeReplies(at: 541 * second)
    send(seen(3, at: 541 * second + 1, echo: fresh), id: 4, at: 541 * second + 2, to: &core)
    #expect(codes(at: 541 * second + 2, &core) == [1: .superseded], "it is taken")
  }

  @Test func `an observation that is old by itself is told so`() throws {
    var core = core(maximumAge: 100)
    send(seen(1, at: 1000, echo: .init(replySentAt: 900, replyReceivedAt: 900)), id: 1, at: 1200, to: &core)
    guard case .error(let error)? = core.takeReplies(at: 1200).last?.reply.body else {
      Issue.record("not refused")
      return
    }
    #expect(error.subject == "observation.captured_at" && error.message.contains("observe again"))
  }

  @Test func `the time in the wire counts once the robot has echoed a reply`() throws {
    var core = core(maximumAge: 100)
    send(.hello(clientName: "", clientVersion: "", sentAt: 990), id: 1, at: 1000, to: &core)
    let hello = try #require(core.takeReplies(at: 1005).first?.reply)
    #expect(hello.sentAt == 1005)
    let echo = ClockEcho(replySentAt: hello.sentAt, replyReceivedAt: 1015)
    send(seen(1, at: 1020, echo: echo), id: 2, at: 1040, to: &core)
    finish(core.nextJob(at: 1050), at: 1060, &core)
    let age = try #require(chunk(&core, at: 1060)?.observationAge)
    #expect((40...52).contains(age), "\(age): 40, and the 10 of the greeting's reply")
    // The daemon was frozen: the message lay in its socket.
    send(seen(2, at: 1070), id: 3, at: 5_000, to: &core)
    #expect(codes(&core) == [3: .staleObservation])
    send(seen(3, at: 5_010, echo: echo), id: 4, at: 5_020, to: &core)
    #expect(codes(&core) == [:])
  }

  @Test func `without an echo a delay counts as far as it exceeds the fastest message`() {
    var core = core(maximumAge: 100_000)
    send(seen(1, at: 1_000_000), id: 1, at: 2_000_000, to: &core)
    finish(core.nextJob(at: 2_000_000), at: 2_000_010, &core)
    #expect(codes(at: 2_000_010, &core) == [1: nil], "what all messages have in common cannot be seen")
    send(seen(2, at: 3_000_000), id: 2, at: 4_200_000, to: &core)
    #expect(codes(&core) == [2: .staleObservation])
  }

  @Test func `a clock that jumps costs one observation, which says so`() throws {
    var core = core(maximumAge: 10_000)
    func echo(_ time: UInt64, _ offset: UInt64) -> ClockEcho {
      ClockEcho(replySentAt: time, replyReceivedAt: time + 10 + offset)
    }
    send(seen(1, at: 100_000, echo: echo(99_000, 0)), id: 1, at: 100_010, to: &core)
    finish(core.nextJob(at: 100_020), at: 100_030, &core)
    #expect(codes(at: 100_040, &core) == [1: nil])
    send(seen(2, at: 9_200_000, echo: echo(100_040, 9_000_000)), id: 2, at: 200_010, to: &core)
    let reply = try #require(core.takeReplies(at: 200_020).first?.reply)
    guard case .error(let error) = reply.body else {
      Issue.record("\(reply)")
      return
    }
    #expect(error.code == .staleObservation)
    #expect(error.message.contains("clock has jumped"))
    send(seen(3, at: 9_300_000, echo: echo(200_020, 9_000_000)), id: 3, at: 300_010, to: &core)
    finish(core.nextJob(at: 300_020), at: 300_030, &core)
    let age = try #require(chunk(&core, at: 300_030)?.observationAge)
    #expect((30...150).contains(age), "\(age)")
  }

  @Test func `a robot that greets anew may have another clock`() {
    var core = core(maximumAge: 1000)
    send(.hello(clientName: "", clientVersion: "", sentAt: 1 << 40), at: 1000, to: &core)
    _ = core.takeReplies(at: 1000)
    send(seen(1, at: 1 << 40, echo: .init(replySentAt: 1000, replyReceivedAt: 1 << 40)), at: 1500, to: &core)
    finish(core.nextJob(at: 1500), at: 1500, &core)
    _ = core.takeReplies(at: 1500)
    // The robot was switched off and on again.
    send(.hello(clientName: "", clientVersion: "", sentAt: 5), at: 100_000, to: &core)
    send(.reset, at: 100_000, to: &core)
    _ = core.takeReplies(at: 100_010)
    send(seen(1, at: 100, echo: .init(replySentAt: 100_010, replyReceivedAt: 20)), id: 1, at: 100_100, to: &core)
    finish(core.nextJob(at: 100_100), at: 100_100, &core)
    #expect(codes(at: 100_110, &core) == [1: nil])
  }

  @Test func `with a simulated clock nothing that the daemon does makes an observation old`() throws {
    var core = core(maximumAge: 100)
    for (sequence, now) in [(UInt64(1), UInt64(10)), (2, 1 << 20), (3, 1 << 50)] {
      send(.observation(.sample(sequence, age: 70)), id: sequence, at: now, to: &core)
      finish(core.nextJob(at: now + 1 << 45), at: now + 1 << 46, &core)
      #expect(chunk(&core, at: now + 1 << 47)?.observationAge == 70)
    }
    send(.observation(.sample(4, age: 101)), id: 4, to: &core)
    #expect(codes(&core) == [4: .staleObservation], "it may be old by its own clock")
  }

  @Test func `no limit, no stale observation`() throws {
    var core = core(maximumAge: nil)
    send(.observation(.sample(1, age: 1 << 60, clock: .monotonic)), to: &core)
    finish(core.nextJob(at: 1 << 62), at: 1 << 62, &core)
    let age = try #require(chunk(&core, at: 1 << 62)?.observationAge)
    #expect(age >= 1 << 62, "it is reported all the same")
  }
}
