import RobotInterface
import RobotLink
import RobotPolicy

/// Every decision of the daemon, as a value: requests and outcomes go in with the time, replies, jobs and events come out.
///
/// It knows no sockets, threads or clocks, and whoever runs it uses it from one thread.
/// Every request that goes in comes out as exactly one final reply: a ``Ticket`` is answered by whoever takes it out of its place.
/// Observations may begin while a generation is under way, which then pauses; those that wait together begin together. Nothing else
/// runs beside anything.
package struct ControlCore: Sendable {
  /// A reply on its way.
  package struct Outgoing: Sendable {
    package var route: RouterSocket.Route
    package var reply: ReplyMessage
  }

  /// The right and the duty to answer one request.
  struct Ticket: Sendable {
    var route: RouterSocket.Route
    var requestID: UInt64
    var session: String
    /// Nanoseconds on the daemon's clock.
    var receivedAt: UInt64
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
  /// What the policy's cameras show together, and a prompt image beside them.
  let usualPixels: Int
  var phase = Phase.warming
  var sessions: SessionTable
  var decoding = DecodingStage()
  /// Those that the policy could answer now.
  var observations = NewestFirstQueue<String, Waiting<Observation>>()
  var generations = NewestFirstQueue<String, Waiting<GenerationRequest>>()
  var hellos: [Ticket] = []
  /// The observations of one job, each of another session; empty when there is none.
  var acting: [Running<Observation>] = []
  var generating: Running<GenerationRequest>?
  /// Jobs that shall end at their next token.
  var cancellations: [UInt64] = []
  /// Of jobs and of orders to decode.
  var lastJobID: UInt64 = 0
  var lastTurn: UInt64 = 0
  var replies: [Outgoing] = []
  private var events: [DaemonEvent] = []

  /// What was done so far.
  package internal(set) var metrics = DaemonMetrics()

  /// - Parameters:
  ///   - canGenerate: whether the policy answers `Generate`.
  ///   - decodesAhead: whether ``nextDecoding(at:)`` is asked, so that observations wait for their pictures first.
  package init(capabilities: Capabilities, canGenerate: Bool, decodesAhead: Bool = false, options: DaemonOptions) {
    self.capabilities = capabilities
    self.canGenerate = canGenerate
    self.decodesAhead = decodesAhead
    self.usualPixels = capabilities.cameras.reduce(512 * 512) { $0 + $1.width * $1.height }
    self.capacity = max(1, options.maximumSessions)
    self.maximumBatch = max(1, options.maximumBatch)
    self.sessions = SessionTable(capacity: capacity, idleExpiry: options.sessionIdleExpiry.wholeNanoseconds)
  }

  /// The replies since the last call, in order.
  package mutating func takeReplies() -> [Outgoing] {
    defer { replies.removeAll(keepingCapacity: true) }
    return replies
  }

  /// The events since the last call, in order.
  package mutating func takeEvents() -> [DaemonEvent] {
    defer { events.removeAll() }
    return events
  }

  /// Whether there are replies or events to take.
  package var hasNews: Bool { !replies.isEmpty || !events.isEmpty }

  /// Says that a reply could not be delivered.
  package mutating func lostReply(to session: String, at now: UInt64) {
    metrics.lostReplies += 1
    note(.replyLost, session, at: now)
  }

  // MARK: Requests

  /// Takes in a request that could be read.
  package mutating func receive(_ request: RequestMessage, from route: RouterSocket.Route, at now: UInt64) {
    metrics.requests += 1
    let ticket = Ticket(route: route, requestID: request.requestID, session: request.sessionID, receivedAt: now)
    guard phase != .closed else { return answer(ticket, .error(Self.shuttingDown), at: now) }
    do throws(RobotError) {
      switch request.body {
      case .hello: try receiveHello(ticket, at: now)
      case .observation(let observation): try receive(observation, ticket, at: now)
      case .reset: beginEpisode(ticket, at: now)
      case .stop(let reason): try stop(ticket, reason: reason, at: now)
      case .resume: resume(ticket, at: now)
      case .generate(let generation): try receive(generation, ticket, at: now)
      case .cancel(let requestID): try cancel(requestID, ticket, at: now)
      }
    } catch {
      answer(ticket, .error(error), at: now)
    }
  }

  /// Takes in a request that could not be read.
  package mutating func refuse(
    _ header: MessageHeader, from route: RouterSocket.Route, because error: RobotError, at now: UInt64
  ) {
    metrics.requests += 1
    let ticket = Ticket(route: route, requestID: header.requestID, session: header.sessionID, receivedAt: now)
    answer(ticket, .error(error), at: now)
  }

  private mutating func receiveHello(_ ticket: Ticket, at now: UInt64) throws(RobotError) {
    sessions[ticket.session]?.lastActive = now
    if phase == .serving { return answer(ticket, .capabilities(capabilities), at: now) }
    // Whoever knows the capabilities may begin at once, so the answer waits until the policy is warm.
    guard hellos.count < capacity else {
      throw RobotError(.overloaded, "hello", "the policy is still warming up, and too many wait for it")
    }
    hellos.append(ticket)
  }

  private mutating func receive(_ observation: Observation, _ ticket: Ticket, at now: UInt64) throws(RobotError) {
    try open(ticket.session, at: now)
    guard sessions[ticket.session]?.isStopped == false else { throw Self.stopped }
    try sessions[ticket.session]?.advance(to: observation)
    try checkAge(of: observation, receivedAt: now, at: now)
    lineUp(observation, ticket, at: now)
  }

  private mutating func beginEpisode(_ ticket: Ticket, at now: UInt64) {
    // Commands for the old episode must not be executed in the new one.
    abandon(ticket.session, because: Self.reset, at: now)
    sessions[ticket.session]?.beginEpisode()
    sessions[ticket.session]?.lastActive = now
    note(.episodeBegan, ticket.session, at: now)
    answer(ticket, .acknowledgement(stopped: sessions[ticket.session]?.isStopped ?? false), at: now)
  }

  private mutating func stop(_ ticket: Ticket, reason: String, at now: UInt64) throws(RobotError) {
    // A session that has never been seen can stop too: its first observation must find the latch.
    try open(ticket.session, at: now)
    sessions[ticket.session]?.isStopped = true
    abandon(ticket.session, because: Self.stopped, at: now)
    endGenerations(of: ticket.session, at: now)
    note(.stopLatched(reason: reason), ticket.session, at: now)
    answer(ticket, .acknowledgement(stopped: true), at: now)
  }

  private mutating func resume(_ ticket: Ticket, at now: UInt64) {
    sessions[ticket.session]?.isStopped = false
    sessions[ticket.session]?.lastActive = now
    note(.stopCleared, ticket.session, at: now)
    answer(ticket, .acknowledgement(stopped: false), at: now)
  }

  /// Answers the session's observations at once, those that wait and the one that is being computed.
  private mutating func abandon(_ session: String, because error: RobotError, at now: UInt64) {
    for ticket in withdrawObservations(of: session) { answer(ticket, .error(error), at: now) }
    if let waiting = observations.remove(session) { answer(waiting.ticket, .error(error), at: now) }
    guard let place = acting.firstIndex(where: { $0.session == session }) else { return }
    if let ticket = acting[place].ticket { answer(ticket, .error(error), at: now) }
    acting[place].ticket = nil
  }

  private mutating func open(_ session: String, at now: UInt64) throws(RobotError) {
    let isNew = sessions[session] == nil
    let forgotten = try sessions.open(session, at: now) { session in
      observations.contains(session) || decoding.hasObservation(of: session)
        || acting.contains { $0.session == session }
    }
    if let forgotten { note(.sessionForgotten, forgotten, at: now) }
    if isNew { note(.sessionOpened, session, at: now) }
    metrics.sessions = sessions.count
  }

  /// - Throws: `.staleObservation` when the robot has moved on since: its age on departure plus the time in here.
  func checkAge(of observation: Observation, receivedAt: UInt64, at now: UInt64) throws(RobotError) {
    guard let limit = capabilities.limits.maximumObservationAge else { return }
    let (onDeparture, isNegative) = observation.sentAt.subtractingReportingOverflow(observation.capturedAt)
    let (age, isHuge) = onDeparture.addingReportingOverflow(now &- receivedAt)
    guard !isNegative, !isHuge, age <= limit else {
      throw RobotError(
        .staleObservation, "observation.captured_at",
        "the observation is \(age / 1_000_000) ms old, at most \(limit / 1_000_000) ms are allowed; observe again")
    }
  }

  // MARK: The end

  /// Answers everything that waits and refuses everything that comes.
  package mutating func close(because error: RobotError = shuttingDown, at now: UInt64) {
    guard phase != .closed else { return }
    phase = .closed
    var tickets = hellos
    while let (_, waiting) = observations.next() { tickets.append(waiting.ticket) }
    while let (_, waiting) = generations.next() { tickets.append(waiting.ticket) }
    tickets += withdrawAll()
    tickets += (acting.map(\.ticket) + [generating?.ticket]).compactMap(\.self)
    for place in acting.indices { acting[place].ticket = nil }
    generating?.ticket = nil
    hellos.removeAll()
    for ticket in tickets { answer(ticket, .error(error), at: now) }
    note(.stopped, "", at: now)
  }

  // MARK: Answers

  mutating func answer(_ ticket: Ticket, _ body: ReplyMessage.Body, at now: UInt64) {
    var reply = ReplyMessage(requestID: ticket.requestID, sessionID: ticket.session, body: body)
    // A reply that breaks the protocol would leave the client without one.
    do throws(RobotError) { try reply.validate() } catch {
      // An error whose text is at fault is still that error.
      var code = RobotError.Code.internal
      if case .error(let unsendable) = body { code = unsendable.code }
      reply.body = .error(RobotError(code, "reply", "the policy's own words cannot be sent: \(error.message)"))
    }
    if case .error(let error) = reply.body {
      metrics.errors[error.code, default: 0] += 1
      note(.refused(error), ticket.session, at: now)
    }
    replies.append(Outgoing(route: ticket.route, reply: reply))
  }

  mutating func note(_ kind: DaemonEvent.Kind, _ session: String, at now: UInt64) {
    events.append(DaemonEvent(time: now, session: session, kind: kind))
  }

  static let superseded = RobotError(
    .superseded, "request", "a newer request of the same session took its place")
  static let otherQuestion = RobotError(.internal, "policy", "the policy answered another question")
  private static let reset = RobotError(.superseded, "observation", "the session has begun a new episode since")
  private static let stopped = RobotError(.stopped, "session_id", "the session is stopped; resume it on purpose")
  package static let shuttingDown = RobotError(.shuttingDown, "daemon", "the daemon is shutting down")
}
