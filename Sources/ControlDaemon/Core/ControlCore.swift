import RobotInterface
import RobotPolicy

/// Every decision of the daemon, as a value: requests and outcomes go in with the time, replies, jobs and events come out.
///
/// It knows no wires, threads or clocks; ``PolicyWorkers`` lets several threads use it in turn.
/// Every request that goes in comes out as exactly one final reply: a ``Ticket`` is answered by whoever takes it out of its place.
/// Observations may begin while a generation is under way, which then pauses; those that wait together begin together. Nothing else
/// runs beside anything.
package struct ControlCore: Sendable {
  /// The right and the duty to answer one request.
  struct Ticket: Sendable {
    var route: Route
    var requestID: UInt64
    var session: String
    /// Nanoseconds on the daemon's clock.
    var receivedAt: UInt64
    /// The request, if it is one; a refusal is told with it.
    var observation: Observation?
  }

  struct Waiting<Request: Sendable>: Sendable {
    var ticket: Ticket
    var request: Request
    /// Counts up with the requests; an older one's where this one took its place.
    var turn: UInt64 = 0
    /// What was decoded of it; `nil` where nothing was.
    var prepared: PreparedInput?
  }

  /// A request that the policy works on.
  struct Running<Request: Sendable>: Sendable {
    var jobID: UInt64
    var session: String
    var request: Request
    /// `nil` once answered, by a stop for example: the outcome is then dropped.
    var ticket: Ticket?
    /// Nanoseconds.
    var queueTime: UInt64
  }

  enum Phase: Sendable { case warming, serving, closed }

  let capabilities: Capabilities
  let canGenerate: Bool
  let capacity: Int
  let maximumBatch: Int
  /// Whether observations are decoded before they wait for the policy.
  let decodesAhead: Bool
  /// Whether sessions in a hurry wait for their pace.
  let holdsBack: Bool
  /// What the policy's cameras show together, and a prompt image beside them.
  let usualPixels: Int
  let operatorToken: SessionToken?
  let requiresKeys: Bool
  /// Nanoseconds; see ``DaemonOptions/simulatedStandstill``.
  let standstill: UInt64
  /// Of sessions in a hurry, nanoseconds.
  let pace: UInt64
  /// Displaced observations of a session within a second that are no flood.
  let floodLimit: Int
  /// No session is in a hurry after that, nanoseconds.
  var hasteUntil: UInt64 = 0
  var phase = Phase.warming
  var sessions: SessionTable
  var decoding = DecodingStage()
  /// Those that the policy could answer now.
  var observations = NewestFirstQueue<String, Waiting<Observation>>()
  var generations = NewestFirstQueue<String, Waiting<GenerationRequest>>()
  /// Greetings that wait for the policy to be warm.
  var greetings: [Greeting] = []
  /// The observations of one job, each of another session; empty when there is none.
  var acting: [Running<Observation>] = []
  var generating: Running<GenerationRequest>?
  /// Jobs and orders to decode that end at their next occasion.
  var cancellations: [UInt64] = []
  /// Of jobs and of orders to decode.
  var lastJobID: UInt64 = 0
  var lastTurn: UInt64 = 0
  var replies: [Outgoing] = []
  private var events: [DaemonEvent] = []

  /// What was done so far.
  package internal(set) var metrics = DaemonMetrics()
  /// Why the daemon could not go on, if that is why it closed.
  package private(set) var failure: RobotError?

  /// - Parameters:
  ///   - canGenerate: whether the policy answers `Generate`.
  ///   - decodesAhead: whether ``nextDecoding(at:)`` is asked, so that observations wait for their pictures first.
  ///   - holdsBack: whether sessions in a hurry wait for their pace (``SessionPace``).
  package init(
    capabilities: Capabilities, canGenerate: Bool, decodesAhead: Bool = false, holdsBack: Bool = true,
    options: DaemonOptions
  ) {
    self.capabilities = capabilities
    self.canGenerate = canGenerate
    self.decodesAhead = decodesAhead
    self.holdsBack = holdsBack
    self.usualPixels = capabilities.cameras.reduce(512 * 512) { $0 + $1.width * $1.height }
    self.capacity = max(1, options.maximumSessions)
    self.maximumBatch = max(1, options.maximumBatch)
    self.operatorToken = options.operatorToken
    self.requiresKeys = options.requiresKeys
    self.standstill = options.simulatedStandstill.wholeNanoseconds
    self.pace = Self.pace(of: capabilities)
    self.floodLimit = Self.floodLimit(of: capabilities)
    self.sessions = SessionTable(
      capacity: capacity, recordCapacity: options.maximumKnownSessions,
      idleTime: options.sessionIdleTime.wholeNanoseconds)
  }

  /// The events since the last call, in order.
  package mutating func takeEvents() -> [DaemonEvent] {
    defer { events.removeAll() }
    return events
  }

  /// What was done so far, and what waits now.
  package var snapshot: DaemonMetrics {
    var snapshot = metrics
    snapshot.waitingObservations = decoding.observations.count + decoding.observationsInWork.count + observations.count
    snapshot.waitingQuestions = waitingQuestions
    return snapshot
  }

  /// Whether there are replies or events to take.
  package var hasNews: Bool { !replies.isEmpty || !events.isEmpty }

  // MARK: Requests

  /// Takes in a request that could be read.
  package mutating func receive(_ request: RequestMessage, from route: Route, at now: UInt64) {
    metrics.requests += 1
    var ticket = Ticket(route: route, requestID: request.requestID, session: request.sessionID, receivedAt: now)
    if case .observation(let observation) = request.body { ticket.observation = observation }
    do throws(RobotError) {
      if requiresKeys, route.peer == nil { throw Self.noKey }
      // A stop is never refused to anybody who may speak here, and nobody needs a token for it.
      if case .stop(let reason) = request.body { return stop(ticket, reason: reason, at: now) }
      guard phase != .closed else { throw failure ?? Self.shuttingDown }
      if case .hello(_, _, let sentAt) = request.body {
        return try receive(Greeting(ticket: ticket, token: request.sessionToken, sentAt: sentAt), at: now)
      }
      try authorize(request, from: route.peer)
      if sessions[ticket.session]?.belongs(to: route.peer?.name, presenting: request.sessionToken) == true {
        sessions.notePresented(ticket.session)
      }
      sessions.touch(ticket.session, at: now)
      switch request.body {
      case .hello, .stop: break
      case .observation(let observation): try receive(observation, ticket, at: now)
      case .reset: beginEpisode(ticket, at: now)
      case .resume: resume(ticket, at: now)
      case .resumeUnknown: resumeUnknown(ticket, at: now)
      case .release: release(ticket, at: now)
      case .generate(let generation): try receive(generation, ticket, at: now)
      case .cancel(let requestID): try cancel(requestID, ticket, at: now)
      }
    } catch {
      if requiresKeys, error.code == .notOwner {
        note(.denied(key: route.peer?.name ?? "", error), ticket.session, at: now)
      }
      answer(ticket, .error(error), at: now)
    }
  }

  /// Takes in a request that could not be read.
  package mutating func refuse(_ request: UnreadableRequest, from route: Route, at now: UInt64) {
    metrics.requests += 1
    let ticket = Ticket(route: route, requestID: request.requestID, session: request.sessionID, receivedAt: now)
    answer(ticket, .error(request.error), at: now)
  }

  /// A refusal takes nobody's place and leaves the order of the episode as it was.
  private mutating func receive(_ observation: Observation, _ ticket: Ticket, at now: UInt64) throws(RobotError) {
    guard sessions[ticket.session]?.isStopped == false else { throw Self.stopped }
    // Also of one that is refused, for the next one may echo the refusal.
    sessions[ticket.session]?.receipts.read(observation.echo)
    try capabilities.check(observation)
    try order(of: ticket.session).check(observation)
    try compareClocks(observation, ticket)
    _ = try checkedAge(of: observation, ticket, at: now)
    try sessions[ticket.session]?.checkForgottenCommands(observation)
    try takePlace(for: ticket.session, at: now)
    lineUp(observation, ticket, at: now)
  }

  /// The newest observation of a session, whether it waits, is being decoded or computed, or was answered with commands.
  private func order(of session: String) -> EpisodeOrder {
    var order = sessions[session]?.order ?? EpisodeOrder()
    for running in acting where running.session == session && running.ticket != nil {
      order.advance(to: running.request)
    }
    if let waiting = observations.request(of: session) { order.advance(to: waiting.request) }
    for observation in decoding.wantedObservations(of: session) { order.advance(to: observation) }
    return order
  }

  /// Answers the session's observations at once: those that wait, the one that is being computed, and the one whose commands have not
  /// left yet.
  mutating func abandon(_ session: String, because error: RobotError, at now: UInt64) {
    retract(session, because: error, at: now)
    for ticket in withdrawObservations(of: session) { answer(ticket, .error(error), at: now) }
    if let waiting = observations.remove(session) { answer(waiting.ticket, .error(error), at: now) }
    abandonStep(of: session, because: error, at: now)
  }

  /// Answers the observation that is being computed.
  mutating func abandonStep(of session: String, because error: RobotError, at now: UInt64) {
    guard let place = acting.firstIndex(where: { $0.session == session }) else { return }
    if let ticket = acting[place].ticket { answer(ticket, .error(error), at: now) }
    acting[place].ticket = nil
  }

  // MARK: The end

  /// Whether the daemon serves no longer.
  package var isClosed: Bool { phase == .closed }

  /// Answers everything that waits with `error`, and everything that comes; the daemon cannot go on.
  package mutating func fail(because error: RobotError, at now: UInt64) {
    guard phase != .closed else { return }
    failure = error
    close(because: error, at: now)
  }

  /// Answers everything that waits and refuses everything that comes, except stops.
  package mutating func close(because error: RobotError = shuttingDown, at now: UInt64) {
    guard phase != .closed else { return }
    phase = .closed
    metrics.isReady = false
    var tickets = greetings.map(\.ticket)
    while let (_, waiting) = observations.next() { tickets.append(waiting.ticket) }
    while let (_, waiting) = generations.next() { tickets.append(waiting.ticket) }
    tickets += withdrawAll()
    tickets += (acting.map(\.ticket) + [generating?.ticket]).compactMap(\.self)
    for place in acting.indices { acting[place].ticket = nil }
    generating?.ticket = nil
    greetings.removeAll()
    for ticket in tickets { answer(ticket, .error(error), at: now) }
    note(.stopped, "", at: now)
  }

  mutating func note(_ kind: DaemonEvent.Kind, _ session: String, at now: UInt64) {
    events.append(DaemonEvent(time: now, session: session, kind: kind))
  }

  static let superseded = RobotError(
    .superseded, "request", "a newer request of the same session took its place")
  static let otherQuestion = RobotError(.internal, "policy", "the policy answered another question")
  static let reset = RobotError(.superseded, "observation", "the session has begun a new episode since")
  static let released = RobotError(
    .notOwner, "session_id", "the session was given up; say hello again before anything else")
  static let noKey = RobotError(.notOwner, "key", "this daemon answers nobody without a key")
  static let stopped = RobotError(.stopped, "session_id", "the session is stopped; resume it on purpose")
  package static let shuttingDown = RobotError(.shuttingDown, "daemon", "the daemon is shutting down")
}
