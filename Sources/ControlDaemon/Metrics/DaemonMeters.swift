import CoreMetrics
import RobotInterface
import Synchronization

/// What the daemon counts for whoever looks after it, through swift-metrics: requests by wire and outcome, times, limited commands, and what it
/// holds now.
///
/// Their names and labels are listed in docs/operation.md. Handlers are made once for each set of labels; the daemon's thread alone counts.
final class DaemonMeters: Sendable {
  /// Nanoseconds between two looks at what goes up and down.
  private static let period: UInt64 = 100_000_000

  private struct Labels: Hashable {
    var wire: String
    var outcome: String
  }

  private struct State {
    var requests: [Labels: Counter] = [:]
    var answers: [String: Timer] = [:]
    var rejected: [String: (counter: Counter, shown: UInt64)] = [:]
    var lostEvents: UInt64 = 0
    var nextLook: UInt64 = 0
  }

  private let factory: any MetricsFactory
  private let wires: [String]
  private let stages: [Stage: Timer]
  private let limited: [(flag: LimitFlags, counter: Counter)]
  private let lostReplies: [String: Counter]
  private let eventsLost: Counter
  private let waiting: (observations: Gauge, questions: Gauge)
  private let sessions: (flying: Gauge, known: Gauge)
  private let ready: Gauge
  private let memory: (used: Gauge, ceiling: Gauge)
  private let state = Mutex(State())

  /// - Parameter wires: names of the listeners, in their order.
  init(_ factory: any MetricsFactory, wires: [String]) {
    func counter(_ name: String, _ labels: [(String, String)] = []) -> Counter {
      Counter(label: name, dimensions: labels, factory: factory)
    }
    func gauge(_ name: String, _ labels: [(String, String)] = []) -> Gauge {
      Gauge(label: name, dimensions: labels, factory: factory)
    }
    self.factory = factory
    self.wires = wires
    stages = Dictionary(
      uniqueKeysWithValues: Stage.allCases.map {
        ($0, Timer(label: "uio2_stage_seconds", dimensions: [("stage", $0.name)], factory: factory))
      })
    limited = zip(LimitFlags.single, LimitFlags.names).map {
      ($0, counter("uio2_limited_commands_total", [("kind", $1)]))
    }
    lostReplies = Dictionary(
      Set(wires).map { ($0, counter("uio2_lost_replies_total", [("wire", $0)])) },
      uniquingKeysWith: { first, _ in first })
    eventsLost = counter("uio2_lost_events_total")
    waiting = (
      gauge("uio2_waiting_requests", [("kind", "observation")]), gauge("uio2_waiting_requests", [("kind", "question")])
    )
    sessions = (gauge("uio2_sessions", [("state", "flying")]), gauge("uio2_sessions", [("state", "known")]))
    ready = gauge("uio2_ready")
    memory = (gauge("uio2_memory_bytes"), gauge("uio2_memory_ceiling_bytes"))
  }

  private func wire(of route: Route) -> String {
    wires.indices.contains(route.listener) ? wires[route.listener] : "unknown"
  }

  /// Counts a reply that could not be delivered.
  func countLost(_ outgoing: ControlCore.Outgoing) {
    // Progress that does not arrive is no loss.
    if outgoing.reply.body.isFinal { lostReplies[wire(of: outgoing.route)]?.increment() }
  }

  /// Counts a reply that is about to leave: whoever has it finds it counted.
  func count(_ outgoing: ControlCore.Outgoing) {
    let reply = outgoing.reply
    guard reply.body.isFinal else { return }
    let wire = wire(of: outgoing.route), labels = Labels(wire: wire, outcome: reply.body.outcome)
    counter(of: labels).increment()
    guard case .actionChunk(let chunk) = reply.body else { return }
    if let step = outgoing.step {
      timer(of: wire).recordNanoseconds(Int64(clamping: reply.sentAt &- step.ticket.receivedAt))
    }
    for (stage, duration) in chunk.timings.durations { stages[stage]?.recordNanoseconds(Int64(clamping: duration)) }
    for (flag, counter) in limited {
      let count = chunk.actions.count { $0.limited.contains(flag) }
      if count > 0 { counter.increment(by: count) }
    }
  }

  private func counter(of labels: Labels) -> Counter {
    state.withLock { state in
      if let known = state.requests[labels] { return known }
      let made = Counter(
        label: "uio2_requests_total", dimensions: [("wire", labels.wire), ("outcome", labels.outcome)],
        factory: factory)
      state.requests[labels] = made
      return made
    }
  }

  private func timer(of wire: String) -> Timer {
    state.withLock { state in
      if let known = state.answers[wire] { return known }
      let made = Timer(label: "uio2_answer_seconds", dimensions: [("wire", wire)], factory: factory)
      state.answers[wire] = made
      return made
    }
  }

  /// How long one may wait until the next look; `nil`: for ever, nobody counts.
  var interval: Duration? { factory is NOOPMetricsHandler ? nil : .nanoseconds(Int64(Self.period)) }

  /// Whether it is time to look again at what goes up and down.
  func isDue(at now: UInt64) -> Bool {
    state.withLock { state in
      guard now >= state.nextLook else { return false }
      state.nextLook = now &+ Self.period
      return true
    }
  }

  /// Shows what the daemon holds now.
  ///
  /// - Parameters:
  ///   - rejected: bytes that each wire has refused so far, in the order of the listeners.
  ///   - used: bytes of memory; `nil` when the system does not say.
  ///   - lostEvents: by all subscribers so far.
  func show(_ metrics: DaemonMetrics, rejected: [UInt64], used: Int?, ceiling: Int?, lostEvents: UInt64) {
    ready.record(metrics.isReady ? 1 : 0)
    waiting.observations.record(metrics.waitingObservations)
    waiting.questions.record(metrics.waitingQuestions)
    sessions.flying.record(metrics.sessions)
    sessions.known.record(metrics.knownSessions)
    if let used { memory.used.record(used) }
    if let ceiling { memory.ceiling.record(ceiling) }
    var totals: [String: UInt64] = [:]
    for (wire, bytes) in zip(wires, rejected) { totals[wire, default: 0] += bytes }
    state.withLock { state in
      for (wire, total) in totals {
        let made =
          state.rejected[wire]
          ?? (Counter(label: "uio2_rejected_bytes_total", dimensions: [("wire", wire)], factory: factory), 0)
        if total > made.shown { made.counter.increment(by: Int64(clamping: total - made.shown)) }
        state.rejected[wire] = (made.counter, total)
      }
      if lostEvents > state.lostEvents { eventsLost.increment(by: Int64(clamping: lostEvents - state.lostEvents)) }
      state.lostEvents = lostEvents
    }
  }
}

extension ReplyMessage.Body {
  /// What became of a request, as a metric calls it.
  fileprivate var outcome: String {
    switch self {
    case .capabilities: "greeted"
    case .actionChunk: "acted"
    case .acknowledgement: "acknowledged"
    case .generation: "generated"
    case .progress: "progress"
    case .error(let error): "\(error.code)"
    }
  }
}
