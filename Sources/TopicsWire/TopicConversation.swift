package import RobotInterface
package import Topics

/// The session of one arm whose cameras and joints publish on their own: what they say becomes observations, one a control period at most,
/// and what the daemon answers becomes what is published. A value: it knows no sockets, and time goes in.
///
/// It fails closed: a fault of a source stops the session, which the daemon latches and only a person resumes. Until all sources were there
/// for the first time it holds without a stop. An arm that a daemon before this one has stopped says so, and is stopped here, too.
///
/// The upper 32 bits of its requests' numbers, and so of all that is published, are this daemon process's own.
package struct TopicConversation: Sendable {
  /// What has to be done.
  package struct Turn: Sendable {
    /// For the daemon, in order.
    package var requests: [RequestMessage] = []
    /// For whoever moves the arm.
    package var published: [ReplyMessage] = []
    /// What is new about the sources, for the log.
    package var notes: [String] = []
  }

  /// Nanoseconds between two attempts to be greeted.
  private static let greetingInterval: UInt64 = 1_000_000_000
  /// Nanoseconds after which an echo says too little of the clocks, so that the daemon is greeted again.
  private static let echoLife: UInt64 = 5_000_000_000
  /// Departures that are remembered.
  private static let departureCount = 256

  private let settings: TopicSettings
  private let token: [UInt8]
  private let roles: [String: TopicSettings.Source]
  private var aligner: TopicAligner<TopicMessage.Content>
  /// The process that publishes as each source, and when it last did.
  private var lives: [String: (token: [UInt8], heardAt: UInt64)] = [:]
  /// What was not believed since the last tick.
  private var disbelieved: [String: TopicFault] = [:]

  private var lastRequest: UInt64
  private var lastSequence: UInt64 = 0
  private var lastMoment: UInt64 = 0
  /// The newest request whose commands do not count: of before a stop, a reset or a resume, or older than those published.
  private var voided: UInt64 = 0
  /// The last reply that was no chunk.
  private var ownEcho: ClockEcho?
  /// When the newest reply left that the arm has echoed.
  private var armEcho: UInt64?
  /// When the last chunks left, oldest first: what an arm may echo. Another daemon's clock says nothing here.
  private var departures: [UInt64] = []
  /// The last chunk that was published: when it left, and until when it is valid.
  private var lastChunk: (sentAt: UInt64, validUntil: UInt64)?
  private var isOwner = false
  /// Whether another client owns the session.
  private var isForeign = false
  /// Whether the session was this side's and no longer is, because somebody released it.
  private var wasReleased = false
  private var greetedAt: UInt64?
  private var hasBegun = false
  private var isStopped = false
  /// Why this side has stopped the session.
  private var reason = ""
  /// The request by which it does, until it is acknowledged.
  private var stopRequest: UInt64?
  private var faults: [TopicFault] = []

  /// - Parameters:
  ///   - token: of the session; random bytes.
  ///   - life: of this daemon process; random, above 0.
  package init(_ settings: TopicSettings, token: [UInt8], life: UInt32) {
    self.settings = settings
    self.token = token
    lastRequest = UInt64(life) << 32
    roles = Dictionary(settings.sources.map { ($0.source.name, $0) }, uniquingKeysWith: { $1 })
    aligner = TopicAligner(settings.sources.map(\.source), maximumSkew: settings.maximumSkew)
  }

  /// The source of a topic.
  package func source(of topic: String) -> TopicSettings.Source? { roles[topic] }

  private mutating func request(_ body: RequestMessage.Body) -> RequestMessage {
    lastRequest += 1
    return RequestMessage(requestID: lastRequest, sessionID: settings.session, sessionToken: token, body: body)
  }

  // MARK: Sources

  /// Takes in what a source has published.
  ///
  /// - Parameter now: nanoseconds on the machine's monotonic clock.
  /// - Returns: requests for the daemon.
  package mutating func take(_ message: TopicMessage, at now: UInt64) -> [RequestMessage] {
    let name = message.source
    guard let source = roles[name] else { return [] }
    var requests: [RequestMessage] = []
    if let life = lives[name], life.token != message.life {
      // One that was restarted left a gap; two that both live do not.
      guard now - min(now, life.heardAt) > source.source.maximumAge else {
        disbelieve(TopicFault(name, .doubled))
        return []
      }
      aligner.forget(name)
      // An arm that begins anew has no commands, and has heard nothing.
      if source.role == .arm { armEcho = nil }
      if source.role == .arm, isOwner { requests.append(reset()) }
    }
    lives[name] = (message.life, now)
    if let fault = aligner.take(message.sample, from: name, at: now) { disbelieve(fault) }
    return requests
  }

  /// The arm is stopped, though perhaps not by this daemon: it holds until a person resumes it here.
  package mutating func stop(byArm cause: String) -> Turn {
    var turn = Turn()
    if isStopped {
      // It has not heard of it.
      if stopRequest == nil { turn.published.append(acknowledgement) }
    } else {
      hasBegun = true
      stop(&turn, because: cause.isEmpty ? "the arm is stopped" : cause)
    }
    return turn
  }

  /// Nanoseconds on the machine's monotonic clock: when a source will be at fault if nothing more comes; `nil`: one is already.
  package var nextFault: UInt64? { faults.isEmpty && hasBegun ? aligner.nextLimit : nil }

  /// What came from a source cannot be believed: it is at fault until the next tick at least.
  package mutating func disbelieve(_ fault: TopicFault) { disbelieved[fault.source] = fault }

  // MARK: Time

  /// A control period has passed.
  ///
  /// - Parameter now: nanoseconds on the machine's monotonic clock.
  package mutating func tick(at now: UInt64) -> Turn {
    var turn = Turn()
    greet(&turn, at: now)
    do throws(TopicFaults) {
      let aligned = try alignment(at: now)
      if !faults.isEmpty { turn.notes.append("all sources are there again") }
      faults = []
      guard isOwner else {
        turn.published.append(
          hold(.init(.notOwner, settings.session, isForeign ? foreign : "the daemon has not greeted this arm")))
        return turn
      }
      hasBegun = true
      // What was decided upon is not decided upon again.
      guard aligned.moment > lastMoment, let observation = observation(of: aligned, at: now) else { return turn }
      lastMoment = aligned.moment
      turn.requests.append(request(.observation(observation)))
    } catch {
      if error.faults.map(Self.mark) != faults.map(Self.mark) { turn.notes.append(error.description) }
      faults = error.faults
      // Every period: whoever moves the arm need not have heard the first.
      turn.published.append(hold(self.error(of: error)))
      stop(&turn, because: error.description)
    }
    return turn
  }

  /// What was asked before counts no more, and the daemon latches a stop, unless nothing has moved yet.
  private mutating func stop(_ turn: inout Turn, because cause: String) {
    voided = lastRequest
    guard hasBegun, !isStopped else { return }
    isStopped = true
    reason = StopReason.fitted(cause)
    turn.requests.append(request(.stop(reason: reason)))
    stopRequest = lastRequest
  }

  private mutating func greet(_ turn: inout Turn, at now: UInt64) {
    let interval = isOwner ? Self.echoLife : Self.greetingInterval
    guard greetedAt.map({ now - min(now, $0) >= interval }) ?? true else { return }
    greetedAt = now
    turn.requests.append(request(.hello(clientName: "topics", clientVersion: "", sentAt: now)))
  }

  private mutating func reset() -> RequestMessage {
    let reset = request(.reset)
    voided = lastRequest
    return reset
  }

  private mutating func alignment(at now: UInt64) throws(TopicFaults) -> TopicAligner<TopicMessage.Content>.Aligned {
    var found: [TopicFault] = [], aligned: TopicAligner<TopicMessage.Content>.Aligned?
    do throws(TopicFaults) { aligned = try aligner.align(at: now) } catch { found = error.faults }
    // What was not believed explains best why something is late.
    found.removeAll { disbelieved[$0.source] != nil }
    found += disbelieved.values
    disbelieved = [:]
    guard let aligned, found.isEmpty else { throw TopicFaults(faults: found.sorted { $0.source < $1.source }) }
    return aligned
  }

  private static func mark(_ fault: TopicFault) -> String { "\(fault.source) \(fault.kind.word)" }

  private func error(of faults: TopicFaults) -> RobotError {
    let code: RobotError.Code
    switch faults.faults.first?.kind {
    case .missing where roles[faults.faults.first?.source ?? ""]?.role != .arm: code = .missingCamera
    case .frozen: code = .frozenCamera
    case .unreadable, .unknown, .doubled: code = .malformed
    default: code = .staleObservation
    }
    let names = faults.faults.map(\.source).joined(separator: ", ")
    return RobotError(code, StopReason.fitted(names), StopReason.fitted(faults.description))
  }

  /// Without a time: an arm echoes commands alone.
  private func hold(_ error: RobotError) -> ReplyMessage {
    ReplyMessage(requestID: lastRequest, sessionID: settings.session, body: .error(error))
  }

  private mutating func observation(
    of aligned: TopicAligner<TopicMessage.Content>.Aligned, at now: UInt64
  ) -> Observation? {
    var frames: [CameraFrame] = [], state: Observation?
    for source in settings.sources {
      guard let sample = aligned.samples[source.source.name] else { return nil }
      switch sample.content {
      case .picture(var frame):
        frame.capturedAt = min(sample.capturedAt, now)
        frames.append(frame)
      case .state(let measured):
        state = measured
        if let echo = state?.echo, !departures.contains(echo.replySentAt) { state?.echo = nil }
        armEcho = state?.echo.map { max($0.replySentAt, armEcho ?? 0) } ?? armEcho
      }
    }
    guard var observation = state else { return nil }
    lastSequence += 1
    observation.sequence = lastSequence
    observation.capturedAt = min(observation.capturedAt, now)
    observation.sentAt = now
    observation.frames = frames
    observation.clock = .monotonic
    if observation.instruction.isEmpty, observation.promptParts.isEmpty, observation.audio == nil {
      observation.instruction = settings.instruction
    }
    observation.echo = echo(observation.echo)
    return observation
  }

  /// The arm's says which commands it has; once it is old, a newer one says more of the clocks.
  private func echo(_ arm: ClockEcho?) -> ClockEcho? {
    guard let ownEcho else { return arm }
    guard let arm, ownEcho.replySentAt - min(ownEcho.replySentAt, arm.replySentAt) < Self.echoLife else {
      return ownEcho
    }
    return arm
  }

  /// Takes note of a reply that was no chunk. One that left after a chunk which the arm may still get would say that the arm has that chunk.
  private mutating func note(_ reply: ReplyMessage, at now: UInt64) {
    guard reply.sentAt > 0 else { return }
    if let armEcho, let lastChunk, lastChunk.sentAt > armEcho, now <= lastChunk.validUntil { return }
    ownEcho = ClockEcho(replySentAt: reply.sentAt, replyReceivedAt: now)
  }

  // MARK: The daemon

  /// The daemon has answered.
  ///
  /// - Parameter now: nanoseconds on the machine's monotonic clock.
  /// - Returns: what is published.
  package mutating func take(_ reply: ReplyMessage, at now: UInt64) -> Turn {
    var turn = Turn()
    if reply.requestID == stopRequest { stopRequest = nil }
    switch reply.body {
    case .actionChunk(let chunk):
      guard isOwner, !isStopped, faults.isEmpty, reply.requestID > voided else { return turn }
      voided = reply.requestID
      lastChunk = (reply.sentAt, chunk.validUntil)
      departures.append(reply.sentAt)
      if departures.count > Self.departureCount { departures.removeFirst() }
      turn.published.append(reply)
      return turn
    case .capabilities(let capabilities):
      let was = (isOwner: isOwner, isForeign: isForeign)
      isOwner = !capabilities.sessionToken.isEmpty
      isForeign = !isOwner
      if isOwner, !was.isOwner { turn.requests.append(reset()) }
      if isOwner, wasReleased {
        wasReleased = false
        stop(&turn, because: "the session was released")
      }
      if isForeign, !was.isForeign { turn.notes.append(foreign) }
    case .acknowledgement: break
    case .error(let error):
      switch error.code {
      // An older one says nothing about the newest.
      case .superseded: return turn
      case .stopped where isStopped && !reason.isEmpty:
        var named = error
        named.message = StopReason.fitted("\(reason); \(error.message)")
        turn.published.append(
          ReplyMessage(
            requestID: reply.requestID, sessionID: reply.sessionID, sentAt: reply.sentAt, body: .error(named)))
      case .notOwner:
        if isOwner { wasReleased = true }
        isOwner = false
        turn.published.append(reply)
      // The policy compares what pictures show, and looks only while the arm moves.
      case .frozenCamera: refuse(error, "is frozen", &turn)
      case .invalidImage, .invalidProprioception: refuse(error, "does not fit the policy", &turn)
      default: turn.published.append(reply)
      }
    case .generation, .progress: return turn
    }
    note(reply, at: now)
    return turn
  }

  private var foreign: String { "the session \(settings.session) belongs to another client; its arm does not move" }

  /// The policy does not take what a source says: the source is named, and the session stopped.
  private mutating func refuse(_ error: RobotError, _ fault: String, _ turn: inout Turn) {
    let cause = "\(source(ofSubject: error.subject)) \(fault): \(error.message)"
    turn.notes.append(cause)
    turn.published.append(hold(RobotError(error.code, error.subject, StopReason.fitted(cause))))
    stop(&turn, because: cause)
  }

  /// The source of the part of an observation that an error names.
  private func source(ofSubject subject: String) -> String {
    let cameras = settings.sources.filter { $0.role != .arm }
    if let named = cameras.enumerated().first(where: { subject.hasPrefix("observation.frames[\($0.offset)]") }) {
      return named.element.source.name
    }
    guard subject.hasPrefix("observation.proprioception") else { return subject }
    return settings.sources.first { $0.role == .arm }?.source.name ?? subject
  }

  /// The session's commands are void, whoever asked for it.
  ///
  /// - Returns: what is published, so that the arm drops what it has.
  package mutating func void(isStopped: Bool) -> ReplyMessage {
    voided = lastRequest
    // What lets the arm go was decided before a stop that is still on its way.
    if isStopped || stopRequest == nil { self.isStopped = isStopped }
    if !self.isStopped { reason = "" }
    return acknowledgement
  }

  private var acknowledgement: ReplyMessage {
    ReplyMessage(requestID: lastRequest, sessionID: settings.session, body: .acknowledgement(stopped: isStopped))
  }
}
