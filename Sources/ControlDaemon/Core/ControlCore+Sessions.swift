import RobotInterface

/// Who may do what, and what changes a session without a robot's observation.
extension ControlCore {
  /// A greeting, with what it says about its sender.
  struct Greeting: Sendable {
    var ticket: Ticket
    var token: [UInt8]
    /// Robot clock; 0: not known.
    var sentAt: UInt64

    /// Whether `other` is of the same client, as far as that can be told: of the same session and with the same token, or none.
    func isAsked(againBy other: Greeting) -> Bool {
      ticket.session == other.ticket.session && token == other.token && ticket.route.peer == other.ticket.route.peer
    }
  }

  // MARK: Owners

  /// Makes sure that whoever sends a request may do so. Nothing is changed.
  ///
  /// - Parameter peer: whose key it came with; `nil` where nobody has one.
  /// - Throws: `.notOwner` with what to do about it; `.invalidSession` when the operator names a session that is not known.
  func authorize(_ request: RequestMessage, from peer: PeerIdentity?) throws(RobotError) {
    try checkRole(of: peer, for: request)
    let session = sessions[request.sessionID]
    switch request.body {
    case .hello, .stop: return
    case .generate, .cancel: if session?.token == nil { return }
    case .reset, .resume, .release: if try isOperator(request, from: peer) { return }
    case .resumeUnknown:
      guard !mayOperate(request, from: peer) else { return }
      throw RobotError(
        .notOwner, "session_token",
        "only the operator may resume unknown sessions; send the token of uio2 serve --operator, or use an operator's key"
      )
    case .observation: break
    }
    guard let session, session.token != nil else {
      throw RobotError(
        .notOwner, "session_token",
        "nobody owns the session “\(request.sessionID)”; say hello first, and send the token of its answer")
    }
    guard session.belongs(to: peer?.name, presenting: request.sessionToken) else {
      throw RobotError(
        .notOwner, "session_token",
        "the session “\(request.sessionID)” belongs to another client; say hello under a name of your own, or send the "
          + "token that its owner was given")
    }
  }

  /// What no robot's key permits, whoever owns the session: to move on after a stop is for people, and so are questions.
  private func checkRole(of peer: PeerIdentity?, for request: RequestMessage) throws(RobotError) {
    guard let peer, peer.role == .robot else { return }
    let deed: String
    switch request.body {
    case .resume, .resumeUnknown:
      guard operatorToken?.matches(request.sessionToken) != true else { return }
      deed = "resume"
    case .generate, .cancel: deed = "ask the model"
    case .hello, .stop, .observation, .reset, .release: return
    }
    throw RobotError(.notOwner, "key", "the key “\(peer.name)” is a robot's; to \(deed) takes an operator's key")
  }

  private func mayOperate(_ request: RequestMessage, from peer: PeerIdentity?) -> Bool {
    operatorToken?.matches(request.sessionToken) == true || peer?.role == .operator
  }

  /// - Throws: `.invalidSession` when the operator names a session that is not known: it would change nothing, and say that it had.
  private func isOperator(_ request: RequestMessage, from peer: PeerIdentity?) throws(RobotError) -> Bool {
    guard mayOperate(request, from: peer) else { return false }
    guard sessions[request.sessionID] != nil else {
      throw RobotError(.invalidSession, "session_id", "no session “\(request.sessionID)” is known")
    }
    return true
  }

  // MARK: Greetings

  mutating func receive(_ greeting: Greeting, at now: UInt64) throws(RobotError) {
    if phase == .serving { return greet(greeting, at: now) }
    // Whoever knows the capabilities may begin at once, so the answer waits until the policy is warm.
    // Who asks again, having given up, takes the place of its first greeting.
    if let place = greetings.firstIndex(where: { $0.isAsked(againBy: greeting) }) {
      let older = greetings[place]
      greetings[place] = greeting
      return answer(older.ticket, .error(Self.superseded), at: now)
    }
    guard greetings.count < capacity else {
      throw RobotError(
        .overloaded, "hello", "the policy is still warming up, and too many wait for it; try again later")
    }
    greetings.append(greeting)
  }

  /// Says that the policy is warm.
  package mutating func becomeReady(at now: UInt64) {
    guard phase == .warming else { return }
    phase = .serving
    metrics.isReady = true
    note(.ready, "", at: now)
    for greeting in greetings { greet(greeting, at: now) }
    greetings.removeAll()
  }

  /// Answers with the capabilities. The first to greet becomes the session's owner; strangers get no token.
  private mutating func greet(_ greeting: Greeting, at now: UInt64) {
    let (ticket, session) = (greeting.ticket, greeting.ticket.session)
    let hadForgottenStop = sessions.hasForgottenStop
    // The operator's token opens every session; it is nobody's own.
    let token = sessions.greet(
      session, presenting: greeting.token, key: ticket.route.peer?.name,
      mayAdopt: operatorToken?.matches(greeting.token) != true, at: now)
    noteForgottenStop(unless: hadForgottenStop, at: now)
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
    latchStop(of: ticket.session, reason: reason, at: now)
    answer(ticket, .acknowledgement(stopped: true), at: now)
  }

  private mutating func latchStop(of session: String, reason: String, at now: UInt64) {
    let hadForgottenStop = sessions.hasForgottenStop
    sessions.stop(session, at: now)
    noteForgottenStop(unless: hadForgottenStop, at: now)
    countSessions()
    abandon(session, because: Self.stopped, at: now)
    endGenerations(of: session, at: now)
    if phase != .closed { note(.stopLatched(reason: reason), session, at: now) }
  }

  /// Stops everything that belongs to keys which are held no more.
  ///
  /// - Returns: the sessions that were stopped.
  package mutating func endKeys(_ names: Set<String>, at now: UInt64) -> [String] {
    let stopped = sessions.owned(byKeys: names)
    for (session, key) in stopped {
      latchStop(of: session, reason: "the key “\(key)” is not held any more", at: now)
    }
    // Whoever waited for the policy to be warm must not learn of it now.
    let refused = greetings.filter { $0.ticket.route.peer.map { names.contains($0.name) } ?? false }
    greetings.removeAll { $0.ticket.route.peer.map { names.contains($0.name) } ?? false }
    for greeting in refused { answer(greeting.ticket, .error(Self.noKey), at: now) }
    if let peer = generating?.ticket?.route.peer, names.contains(peer.name), let route = generating?.ticket?.route {
      clientHasGone(route)
    }
    return stopped.map(\.session)
  }

  mutating func resume(_ ticket: Ticket, at now: UInt64) {
    sessions.resume(ticket.session, at: now)
    note(.stopCleared, ticket.session, at: now)
    answer(ticket, .acknowledgement(stopped: false), at: now)
  }

  /// Lets unknown sessions begin unstopped again, after a stop had to be forgotten.
  mutating func resumeUnknown(_ ticket: Ticket, at now: UInt64) {
    sessions.resumeUnknown()
    note(.unknownSessionsResumed, ticket.session, at: now)
    answer(ticket, .acknowledgement(stopped: sessions[ticket.session]?.isStopped ?? false), at: now)
  }

  /// Gives the session up. What it has asked for is answered first: it asked as an owner.
  mutating func release(_ ticket: Ticket, at now: UInt64) {
    abandon(ticket.session, because: Self.released, at: now)
    endGenerations(of: ticket.session, at: now)
    let hadForgottenStop = sessions.hasForgottenStop
    sessions.release(ticket.session, at: now)
    noteForgottenStop(unless: hadForgottenStop, at: now)
    countSessions()
    note(.sessionReleased, ticket.session, at: now)
    answer(ticket, .acknowledgement(stopped: sessions[ticket.session]?.isStopped ?? false), at: now)
  }

  private mutating func noteForgottenStop(unless had: Bool, at now: UInt64) {
    if sessions.hasForgottenStop, !had { note(.stopForgotten, "", at: now) }
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
