import RobotInterface

/// Questions to the model without a robot: they wait, run beside the robots, report, and end early when told to.
extension ControlCore {
  mutating func receive(_ generation: GenerationRequest, _ ticket: Ticket, at now: UInt64) throws(RobotError) {
    guard canGenerate else {
      throw RobotError(.unsupported, "generate", "this daemon's policy answers robots only")
    }
    guard hasQuestion(ticket.session) || waitingQuestions < capacity else {
      throw RobotError(.overloaded, "generate", "too many generations wait already; try again later")
    }
    lineUp(generation, ticket, at: now)
  }

  /// Ends one generation of the session of `ticket`; of another session's it knows nothing.
  mutating func cancel(_ requestID: UInt64, _ ticket: Ticket, at now: UInt64) throws(RobotError) {
    let isRunning = generating?.session == ticket.session && generating?.ticket?.requestID == requestID
    let waiting = isRunning ? nil : withdrawQuestion(of: ticket.session) { $0.requestID == requestID }
    guard isRunning || waiting != nil else {
      throw RobotError(
        .unknownRequest, "cancel.request_id",
        "no generation of this session with id \(requestID) waits or runs; it may have ended already")
    }
    answer(ticket, .acknowledgement(stopped: sessions[ticket.session]?.isStopped ?? false), at: now)
    if isRunning { endRunningGeneration() }
    if let waiting { endGeneration(waiting, at: now) }
  }

  /// Ends all generations of a session, as a stop does.
  mutating func endGenerations(of session: String, at now: UInt64) {
    if generating?.session == session { endRunningGeneration() }
    while let waiting = withdrawQuestion(of: session, where: { _ in true }) { endGeneration(waiting, at: now) }
  }

  /// Ends the generation whose client has gone: nobody will read it, and others wait.
  package mutating func clientHasGone(_ route: Route) {
    if generating?.ticket?.route == route { endRunningGeneration() }
  }

  /// It answers for itself, at its next token.
  private mutating func endRunningGeneration() {
    if let jobID = generating?.jobID { cancellations.append(jobID) }
  }

  /// Answers one that had not begun.
  private mutating func endGeneration(_ ticket: Ticket, at now: UInt64) {
    var nothing = GenerationResult(finishReason: .cancelled)
    nothing.timings[.queue] = now &- ticket.receivedAt
    metrics.generations += 1
    answer(ticket, .generation(nothing), at: now)
  }

  /// The jobs and orders, since the last call, that nobody waits for any more: a generation ends at its next token.
  package mutating func takeCancellations() -> [UInt64] {
    defer { cancellations.removeAll() }
    return cancellations
  }

  /// Passes on how far a generation is.
  package mutating func report(_ progress: GenerationProgress, of jobID: UInt64) {
    guard let ticket = generating?.ticket, generating?.jobID == jobID else { return }
    let reply = ReplyMessage(requestID: ticket.requestID, sessionID: ticket.session, body: .progress(progress))
    // One that cannot be sent, as for too long a text, is no loss: the final reply comes all the same.
    guard (try? reply.validate()) != nil else { return }
    replies.append(Outgoing(route: ticket.route, reply: reply))
  }

  mutating func finishGeneration(_ result: Result<GenerationResult, RobotError>, at now: UInt64) {
    guard let done = generating else { return }
    generating = nil
    guard let ticket = done.ticket else { return }
    do throws(RobotError) {
      var generation = try result.get()
      generation.timings[.queue] = done.queueTime
      metrics.generations += 1
      answer(ticket, .generation(generation), at: now)
    } catch {
      answer(ticket, .error(error), at: now)
    }
  }
}
