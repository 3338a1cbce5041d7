import ControlDaemon
import Foundation
import PrometheusMetrics
import RobotInterface
import RobotLink
import RobotPolicy
import Synchronization
import Testing

@Suite("What a daemon counts, and what it tells whoever listens to its events")
struct MetersTests {
  private func metered() -> (MetricsRegistry, DaemonOptions) {
    let registry = MetricsRegistry([])
    var options = DaemonOptions()
    options.metrics = registry
    return (registry, options)
  }

  private func value(_ line: String, _ registry: MetricsRegistry) -> Double? {
    let found = registry.text().split(separator: "\n").first { $0.hasPrefix(line + " ") }
    return found.flatMap { Double($0.dropFirst(line.count + 1)) }
  }

  /// Waits for what is looked at now and then.
  private func reads(_ expected: Double, _ line: String, _ registry: MetricsRegistry) -> Bool {
    reads(line, registry) { $0 == expected }
  }

  private func reads(_ line: String, _ registry: MetricsRegistry, where isRight: (Double) -> Bool) -> Bool {
    let end = ContinuousClock.now + .seconds(20)
    while !(value(line, registry).map(isRight) ?? false) {
      guard ContinuousClock.now < end else { return false }
      Thread.sleep(forTimeInterval: 0.01)
    }
    return true
  }

  @Test func `requests are counted by wire and outcome, with their times and limited commands`() throws {
    let (registry, options) = metered()
    let box = FakeWire.Box()
    let daemon = try RunningDaemon(FakePolicy(), others: [box.maker()], options: options)
    defer { daemon.stop() }
    let robot = try daemon.client()
    _ = try robot.act(on: .sample(1))
    _ = try robot.act(on: .sample(2))
    #expect(refusal { () throws(ClientError) in try robot.act(on: .sample(2)) }?.code == .outOfOrder)
    box.wires[0].ask(.hello(clientName: "", clientVersion: ""))
    _ = try box.wires[0].reply()
    #expect(value("uio2_requests_total{outcome=\"acted\",wire=\"\(RunningDaemon.Wire.chosen)\"}", registry) == 2)
    #expect(value("uio2_requests_total{outcome=\"out_of_order\",wire=\"\(RunningDaemon.Wire.chosen)\"}", registry) == 1)
    #expect(value("uio2_requests_total{outcome=\"greeted\",wire=\"\(RunningDaemon.Wire.chosen)\"}", registry) == 1)
    #expect(value("uio2_requests_total{outcome=\"greeted\",wire=\"fake\"}", registry) == 1)
    #expect(value("uio2_answer_seconds_count{wire=\"\(RunningDaemon.Wire.chosen)\"}", registry) == 2)
    #expect(value("uio2_stage_seconds_count{stage=\"encode\"}", registry) == 2)
    #expect(value("uio2_limited_commands_total{kind=\"range\"}", registry) == 2)
    #expect(value("uio2_limited_commands_total{kind=\"speed\"}", registry) == 0)
  }

  @Test func `what a daemon holds now can be read at any time`() throws {
    var (registry, options) = metered()
    options.memory = .bytes(1 << 40)
    let policy = FakePolicy()
    let daemon = try RunningDaemon(policy, options: options)
    defer { daemon.stop() }
    let (busy, robot) = (try daemon.client("busy"), try daemon.client("arm"))
    #expect(reads(1, "uio2_ready", registry))
    policy.hold(true)
    _ = try busy.send(.observation(.sample(1)))
    #expect(policy.isInStep())
    _ = try robot.send(.observation(.sample(1)))
    #expect(reads(1, "uio2_waiting_requests{kind=\"observation\"}", registry))
    #expect(reads(2, "uio2_sessions{state=\"flying\"}", registry))
    #expect(reads(Double(1 << 40), "uio2_memory_ceiling_bytes", registry))
    #expect(value("uio2_memory_bytes", registry) ?? 0 > 0)
    policy.hold(false)
    policy.release.signal()
    #expect(reads(0, "uio2_waiting_requests{kind=\"observation\"}", registry))
  }

  @Test func `a daemon that nobody talks to says when it is ready, without a ceiling of memory too`() throws {
    let (registry, options) = metered()
    let isHeld = DispatchSemaphore(value: 0)
    let daemon = try RunningDaemon(FakePolicy(warmUp: { isHeld.wait() }), options: options)
    defer { daemon.stop() }
    #expect(reads(0, "uio2_ready", registry))
    isHeld.signal()
    #expect(reads(1, "uio2_ready", registry))
  }

  @Test func `bytes of what a wire cannot read are counted`() throws {
    let (registry, options) = metered()
    let daemon = try RunningDaemon(FakePolicy(), options: options)
    defer { daemon.stop() }
    let robot = try daemon.client()
    try robot.send([UInt8](repeating: 0xFF, count: 1_000))
    _ = try robot.receive()
    #expect(reads(1_000, "uio2_rejected_bytes_total{wire=\"\(RunningDaemon.Wire.chosen)\"}", registry))
  }

  @Test func `a refusal is told with the observation that was refused`() async throws {
    let daemon = try RunningDaemon(FakePolicy())
    defer { daemon.stop() }
    let events = daemon.daemon.events()
    let robot = try daemon.client()
    let observation = Observation.sample(7)
    _ = try robot.act(on: observation)
    #expect(refusal { () throws(ClientError) in try robot.act(on: .sample(7)) }?.code == .outOfOrder)
    let stranger = try daemon.stranger()
    #expect(refusal { () throws(ClientError) in try stranger.resume() }?.code == .notOwner)
    daemon.stop()
    var refused: [UInt64?] = []
    for await event in events {
      if case .refused(_, let observation) = event.kind { refused.append(observation?.sequence) }
    }
    #expect(refused == [7, nil])
  }

  @Test func `who listens slowly is told how many events it lost`() async throws {
    let (registry, options) = metered()
    let daemon = try RunningDaemon(FakePolicy(), options: options)
    defer { daemon.stop() }
    let robot = try daemon.client()
    let slow = daemon.daemon.events(bufferingNewest: 3), quick = daemon.daemon.events(bufferingNewest: 1_000)
    for number in 1...10 { _ = try robot.act(on: .sample(UInt64(number))) }
    #expect(daemon.wait { $0.chunks == 10 })
    #expect(reads("uio2_lost_events_total", registry) { $0 >= 7 })
    daemon.stop()
    var lost: [UInt64] = [], got = 0, all = 0
    for await event in slow {
      if case .eventsLost(let count) = event.kind { lost.append(count) } else { got += 1 }
    }
    for await event in quick {
      if case .eventsLost = event.kind { Issue.record("one with room has lost some") }
      all += 1
    }
    #expect(got == 3)
    #expect(lost == [UInt64(all - 3)])
  }
}
