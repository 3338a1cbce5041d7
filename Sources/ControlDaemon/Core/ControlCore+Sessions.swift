import RobotInterface
import RobotLink

/// Who may do what, and what changes a session without a robot's observation.
extension ControlCore {
  /// A greeting, with what it says about its sender.
  struct Greeting: Sendable {
    var ticket: Ticket
    var token: [UInt8]
    /// Robot clock; 0: not known.
    var sentAt: UInt64
  }

  // MARK: Owners

  /// Makes sure that whoever sends a request may do so. Nothing is changed.
  ///
  /// - Throws: `.notOwner` with what to do about it.
  func authorize(_ request: RequestMessage) throws(RobotError) {
    let owner = sessions[request.sessionID]?.token
    switch request.body {
    case .hello, .stop: return
    case .generate, .cancel: if owner == nil { return }
    case .reset, .resume: if try isOperator(request) { return }
    case .observation: break
    }
    guard let owner else {
      throw RobotError(
        .notOwner, "session_token",
        "nobody owns the session “\(request.sessionID)”; say hello first, and send the token of its answer")
    }
    guard owner.matches(request.sessionToken) else {
      throw RobotError(
        .notOwner, "session_token",
        "the session “\(request.sessionID)” belongs to another client; say hello under a name of your own, or send the "
          + "token that its owner was given")
    }
  }

  /// - Throws: `.invalidSession` when the operator names a session that is not known: it would change nothing, and say that it had.
  private func isOperator(_ request: RequestMessage) throws(RobotError) -> Bool {
    guard operatorToken?.matches(request.sessionToken) == true else { return false }
    guard sessions[request.sessionID] != nil else {
      throw RobotError(.invalidSession, "session_id", "no session “\(request.sessionID)” is known")
    }
    return true
  }

  // MARK: Greetings

  mutating func receive(_ greeting: Greeting, at now: UInt64) throws(RobotError) {
    if phase == .serving { return greet(greeting, at: now) }
    // Whoever knows the capabilities may begin at once, so the answer waits until the policy is warm.
    guard greetings.count < capacity else {
      throw RobotError(.overloaded, "hello", "the policy is still warming up, and too many wait for it")
    }
    greetings.append(greeting)
  }

  /// Says that the policy is warm.
  package mutating func becomeReady(at now: UInt64) {
    guard phase == .warming else { return }
    phase = .serving
    note(.ready, "", at: now)
    for greeting in greetings { greet(greeting, at: now) }
    greetings.removeAll()
  }

  /// Answers with the capabilities. The first to greet becomes the session's owner; strangers get no token.
  private mutating func greet(_ greeting: Greeting, at now: UInt64) {
    let (ticket, session) = (greeting.ticket, greeting.ticket.session)
    let token = sessions.greet(session, presenting: greeting.token, at: now)
    if token != nil {
      // Whoever greets may have another clock than before: its bounds begin anew.
      var clock = ClockOffset()
      if greeting.sentAt > 0 { _ = clock.narrow(sentAt: greeting.sentAt, arrivedAt: ticket.receivedAt) }
      sessions[session]?.clock = clock
    }
    countSessions()
    var capabilities = capabilities
    capabilities.sessionToken = token?.bytes ?? []
    answer(ticket, .capabilities(capabilities), at: now)
  }

  // MARK: Episodes and stops

  mutating func beginEpisode(_ ticket: Ticket, at now: UInt64) {
    // Commands for the old episode must not be executed in the new one.
    abandon(ticket.session, because: Self.reset, at: now)
    sessions[ticket.session]?.beginEpisode()
    note(.episodeBegan, ticket.session, at: now)
    answer(ticket, .acknowledgement(stopped: sessions[ticket.session]?.isStopped ?? false), at: now)
  }

  /// A session that has never been seen can stop too: its first observation must find the latch. While the daemon closes there is nobody
  /// left to stop, and the answer is the same.
  mutating func stop(_ ticket: Ticket, reason: String, at now: UInt64) {
    sessions.stop(ticket.session, at: now)
    countSessions()
    abandon(ticket.session, because: Self.stopped, at: now)
    endGenerations(of: ticket.session, at: now)
    if phase != .closed { note(.stopLatched(reason: reason), ticket.session, at: now) }
    answer(ticket, .acknowledgement(stopped: true), at: now)
  }

  mutating func resume(_ ticket: Ticket, at now: UInt64) {
    sessions.resume(ticket.session, at: now)
    note(.stopCleared, ticket.session, at: now)
    answer(ticket, .acknowledgement(stopped: false), at: now)
  }

  /// Makes sure that a session can remember its episode.
  mutating func takePlace(for session: String, at now: UInt64) throws(RobotError) {
    let (isNew, yielded) = try sessions.takePlace(for: session, at: now) { session in
      observations.contains(session) || decoding.hasObservation(of: session)
        || acting.contains { $0.session == session }
    }
    if let yielded { note(.sessionYielded, yielded, at: now) }
    if isNew { note(.sessionOpened, session, at: now) }
    countSessions()
  }

  private mutating func countSessions() {
    metrics.sessions = sessions.placeCount
    metrics.knownSessions = sessions.count
  }
}
