import ControlDaemon
import Dispatch
import RobotInterface
import RobotLink
import RobotPolicy
import Testing

@Suite("A session that asks far faster than it is answered gets a step for most of a chunk's time, and no more")
struct SessionPaceTests {
  private let base = ControlCoreTests()
  /// Of the fake policy: three quarters of two commands at 10 Hz.
  private let period: UInt64 = 150_000_000

  private func core(decodesAhead: Bool = false) -> ControlCore {
    base.core(maximumAge: nil, owned: ["flood", "arm"], decodesAhead: decodesAhead)
  }

  private func observe(_ sequence: UInt64, session: String = "flood", at now: UInt64, _ core: inout ControlCore) {
    base.send(
      .observation(.sample(sequence, clock: .simulated)), id: sequence, session: session, at: now, to: &core)
  }

  private func sequences(_ job: Job?) -> [UInt64] {
    guard let job, case .act(let steps) = job.work else { return [] }
    return steps.map(\.observation.sequence)
  }

  private func errors(_ core: inout ControlCore, at now: UInt64) -> [RobotError] {
    core.takeReplies(at: now).compactMap {
      if case .error(let error) = $0.reply.body { error } else { nil }
    }
  }

  @Test func `the others find the policy free meanwhile`() {
    var core = core()
    for sequence in UInt64(1)...10 { observe(sequence, at: sequence, &core) }
    #expect(core.nextPause(at: 20) == nil)
    let first = core.nextJob(at: 20)
    #expect(sequences(first) == [10], "its first step comes at once")
    base.finish(first, at: 30, &core)
    for sequence in UInt64(11)...20 { observe(sequence, at: 40, &core) }
    #expect(core.nextJob(at: 50) == nil)
    #expect(core.nextPause(at: 50) == 20 + period)
    #expect(!core.hasWork(policyIsFree: true, at: 50), "no thread is woken for it")
    observe(1, session: "arm", at: 60, &core)
    #expect(core.hasWork(policyIsFree: true, at: 60))
    let other = core.nextJob(at: 60)
    #expect(sequences(other) == [1], "not even together with others, who would wait longer")
    base.finish(other, at: 70, &core)
    #expect(core.nextPause(at: 20 + period) == nil)
    #expect(core.hasWork(policyIsFree: true, at: 20 + period))
    #expect(sequences(core.nextJob(at: 20 + period)) == [20], "the newest, when its turn has come")
  }

  @Test func `it always has commands: the next step comes before those of a chunk are over`() {
    var capabilities = FakePolicy().capabilities
    (capabilities.controlRate, capabilities.chunkLength) = (80, 4)
    #expect(ControlCore.pace(of: capabilities) == 37_500_000)
    capabilities.chunkLength = 1
    #expect(ControlCore.pace(of: capabilities) == 12_500_000, "but no sooner than it executes one")
    capabilities.chunkLength = 1000
    #expect(ControlCore.pace(of: capabilities) == 1_000_000_000)
    capabilities.controlRate = 0
    capabilities.chunkLength = 1
    #expect(ControlCore.pace(of: capabilities) == 50_000_000)
  }

  @Test func `its pictures are not decoded either before that`() {
    var core = core(decodesAhead: true)
    func step(at now: UInt64) -> [UInt64] {
      if let order = core.nextDecoding(at: now) {
        core.finishDecoding(order.id, .success(PreparedInput(())), at: now)
      }
      let job = core.nextJob(at: now)
      base.finish(job, at: now, &core)
      return sequences(job)
    }
    for sequence in UInt64(1)...10 { observe(sequence, at: 10, &core) }
    #expect(step(at: 20) == [10])
    for sequence in UInt64(11)...20 { observe(sequence, at: 30, &core) }
    #expect(core.nextDecoding(at: 40) == nil)
    observe(1, session: "arm", at: 50, &core)
    #expect(step(at: 50) == [1])
    #expect(step(at: 20 + period) == [20])
  }

  @Test func `who waits for answers is never held back, and haste is forgotten`() {
    var core = core()
    for sequence in UInt64(1)...100 {
      observe(sequence, at: sequence, &core)
      let job = core.nextJob(at: sequence)
      #expect(sequences(job) == [sequence])
      base.finish(job, at: sequence, &core)
    }
    for sequence in UInt64(101)...120 { observe(sequence, at: 200, &core) }
    let job = core.nextJob(at: 101 + period)
    #expect(sequences(job) == [120])
    base.finish(job, at: 101 + period, &core)
    // A second later.
    let later = 200 + SessionPace.window + period / 2
    observe(121, at: later, &core)
    #expect(sequences(core.nextJob(at: later)) == [121])
  }

  @Test func `who displaces hundreds of its own a second gets four steps a second, and is told so`() throws {
    var core = core()
    let limit = ControlCore.floodLimit(of: FakePolicy().capabilities)
    #expect(limit == 200)
    observe(1, at: 1, &core)
    base.finish(core.nextJob(at: 2), at: 3, &core)
    _ = core.takeReplies(at: 3)
    // The first waits, each of the others displaces one: no flood yet.
    for sequence in 2...UInt64(limit + 2) { observe(sequence, at: 10, &core) }
    let hurried = errors(&core, at: 10)
    #expect(hurried.count == limit)
    #expect(hurried.allSatisfy { $0.code == .superseded && !$0.message.contains("250 ms") })
    #expect(core.nextPause(at: 20) == 2 + period)
    observe(UInt64(limit + 3), at: 30, &core)
    let told = try #require(errors(&core, at: 30).first)
    #expect(told.code == .superseded && told.message.contains("250 ms"), "\(told)")
    #expect(core.nextJob(at: 30 + period) == nil)
    #expect(core.nextPause(at: 30 + period) == 2 + SessionPace.floodPace)
    // Nobody else is held back.
    observe(1, session: "arm", at: 40, &core)
    base.finish(core.nextJob(at: 40), at: 50, &core)
    let next = core.nextJob(at: 2 + SessionPace.floodPace)
    #expect(sequences(next) == [UInt64(limit + 3)])
    base.finish(next, at: 3 + SessionPace.floodPace, &core)
    // It has calmed: a second later a hurry is a hurry again.
    let later = 30 + SessionPace.window
    for sequence in UInt64(limit + 4)...UInt64(limit + 15) { observe(sequence, at: later, &core) }
    #expect(sequences(core.nextJob(at: later)) == [UInt64(limit + 15)])
    #expect(errors(&core, at: later).allSatisfy { !$0.message.contains("250 ms") })
  }

  @Test func `a fast robot's haste is no flood`() {
    var capabilities = FakePolicy().capabilities
    capabilities.controlRate = 80
    #expect(ControlCore.floodLimit(of: capabilities) == 320)
    capabilities.controlRate = .infinity
    #expect(ControlCore.floodLimit(of: capabilities) == 200)
  }

  @Test func `what waits for its pace is answered although nothing else happens`() throws {
    let policy = FakePolicy()
    let daemon = try RunningDaemon(policy)
    defer { daemon.stop() }
    let robot = try daemon.client()
    policy.hold(true)
    _ = try robot.send(.observation(.sample(1)))
    #expect(policy.isInStep())
    for sequence in UInt64(2)...13 { _ = try robot.send(.observation(.sample(sequence))) }
    #expect(daemon.wait { $0.superseded == 11 })
    policy.hold(false)
    policy.release.signal()
    #expect(daemon.wait { $0.chunks == 2 })
    #expect(policy.seen.map(\.sequence) == [1, 13])
  }
}
