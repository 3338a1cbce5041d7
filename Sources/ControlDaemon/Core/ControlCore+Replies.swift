import RobotInterface
import RobotPolicy

/// What leaves the core. Until it has left, commands can be taken back.
extension ControlCore {
  /// A reply on its way.
  package struct Outgoing: Sendable {
    package var route: Route
    package var reply: ReplyMessage
    /// The step whose commands these are; `nil` for everything else.
    var step: AnsweredStep?
  }

  /// An observation that has been answered with commands, and what its session was before.
  struct AnsweredStep: Sendable {
    var observation: Observation
    var ticket: Ticket
    var order: EpisodeOrder
    var context: EpisodeContext
    /// Of the chunk, in its episode.
    var number: Int
  }

  /// The next reply, in order, as it leaves at `now`. Commands for an observation that has become too old leave as an error.
  package mutating func nextReply(at now: UInt64) -> Outgoing? {
    replies.isEmpty ? nil : leave(replies.startIndex, at: now)
  }

  /// The first reply to a request of this number, before those that stand before it: a replay knows when each has left.
  package mutating func takeReply(to requestID: UInt64, at now: UInt64) -> Outgoing? {
    guard let place = replies.firstIndex(where: { $0.reply.requestID == requestID }) else { return nil }
    return leave(place, at: now)
  }

  private mutating func leave(_ place: Int, at now: UInt64) -> Outgoing {
    var outgoing = replies.remove(at: place)
    if let step = outgoing.step, case .actionChunk(var chunk) = outgoing.reply.body {
      do throws(RobotError) {
        chunk.observationAge = try checkedAge(of: step.observation, step.ticket, at: now)
        outgoing.reply.body = .actionChunk(chunk)
        // The robot will echo the time at which the reply leaves.
        sessions[step.ticket.session]?.receipts.noteDeparture(of: step.number, at: now)
        record(chunk, answeredAfter: now &- step.ticket.receivedAt)
        note(.acted(step.observation, chunk), step.ticket.session, at: now)
      } catch {
        // What was made after it builds on commands that the robot never gets.
        retract(step.ticket.session, because: error, at: now)
        takeBack(step)
        abandonStep(of: step.ticket.session, because: error, at: now)
        outgoing.reply.body = refusal(error, of: step.ticket.session, step.observation, at: now)
      }
    }
    outgoing.reply.sentAt = now
    return outgoing
  }

  /// Turns commands of a session that have not left yet into an error, the last ones first: the session is then what it was before the
  /// first.
  mutating func retract(_ session: String, because error: RobotError, at now: UInt64) {
    for index in replies.indices.reversed() {
      guard let step = replies[index].step, step.ticket.session == session else { continue }
      takeBack(step)
      replies[index].step = nil
      replies[index].reply.body = refusal(error, of: session, step.observation, at: now)
    }
  }

  /// Makes the session what it was before commands that do not leave, except that it has seen what it has seen.
  private mutating func takeBack(_ step: AnsweredStep) {
    let session = step.ticket.session
    sessions[session]?.order = step.order
    sessions[session]?.receipts.takeBack(step.number)
    guard let later = sessions[session]?.context else { return }
    var context = step.context
    context.rememberSight(of: later)
    sessions[session]?.context = context
  }

  /// Gives a ticket its answer.
  ///
  /// - Parameter step: the step whose commands it is.
  mutating func answer(_ ticket: Ticket, _ body: ReplyMessage.Body, step: AnsweredStep? = nil, at now: UInt64) {
    var reply = ReplyMessage(requestID: ticket.requestID, sessionID: ticket.session, body: body)
    var step = step
    // A reply that breaks the protocol would leave the client without one.
    do throws(RobotError) { try reply.validate() } catch {
      // An error whose text is at fault is still that error.
      var code = RobotError.Code.internal
      if case .error(let unsendable) = body { code = unsendable.code }
      reply.body = .error(RobotError(code, "reply", "the policy's own words cannot be sent: \(error.message)"))
      if let unsent = step.take() { takeBack(unsent) }
    }
    if case .error(let error) = reply.body {
      reply.body = refusal(error, of: ticket.session, ticket.observation, at: now)
    }
    replies.append(Outgoing(route: ticket.route, reply: reply, step: step))
  }

  /// Counts a refusal.
  private mutating func refusal(
    _ error: RobotError, of session: String, _ observation: Observation?, at now: UInt64
  ) -> ReplyMessage.Body {
    metrics.errors[error.code, default: 0] += 1
    note(.refused(error, observation), session, at: now)
    return .error(error)
  }

  /// Counts an answered step.
  private mutating func record(_ chunk: ActionChunk, answeredAfter duration: UInt64) {
    metrics.chunks += 1
    metrics.limitedActions += UInt64(chunk.actions.count { !$0.limited.isEmpty })
    metrics.answerTime.record(duration)
    for (stage, duration) in chunk.timings.durations { metrics.stages[stage, default: .init()].record(duration) }
  }

  /// Says that a reply could not be delivered.
  package mutating func lostReply(to session: String, at now: UInt64) {
    metrics.lostReplies += 1
    note(.replyLost, session, at: now)
  }
}
