import RobotInterface
import RobotPolicy

/// What the policy works on, and what comes of it.
extension ControlCore {
  /// How long robots may keep a question from beginning, nanoseconds.
  package static let questionPatience: UInt64 = 1_000_000_000

  /// The next piece of work, when something waits that may begin. Robots go before people who ask: observations begin even while a
  /// generation is under way. A question that has waited for ``questionPatience`` begins all the same, and then shares the time with
  /// the robots (``GenerationShare``).
  package mutating func nextJob(at now: UInt64) -> Job? {
    guard phase == .serving, acting.isEmpty else { return nil }
    let hasWaited = generations.first.map { now &- $0.ticket.receivedAt >= Self.questionPatience } ?? false
    if generating != nil || !hasWaited, let steps = nextSteps(at: now) { return Job(id: lastJobID, work: .act(steps)) }
    guard generating == nil, let (_, waiting) = generations.next() else { return nil }
    lastJobID += 1
    generating = begin(waiting, at: now)
    return Job(id: lastJobID, work: .generate(waiting.request, prepared: waiting.prepared))
  }

  /// Whether ``nextJob(at:)`` or ``nextDecoding(at:)`` has something to begin, as far as can be told without beginning it.
  ///
  /// - Parameter policyIsFree: whether somebody may take a job.
  package func hasWork(policyIsFree: Bool, at now: UInt64) -> Bool {
    guard phase == .serving else { return false }
    return policyIsFree && hasJob(at: now) || hasDecoding(at: now)
  }

  private func hasJob(at now: UInt64) -> Bool {
    guard acting.isEmpty else { return false }
    let paused = paused(at: now)
    return observations.contains { session, _ in !paused.contains(session) }
      || generating == nil && generations.first != nil
  }

  /// What waits now, in the order of the line; nobody is waited for.
  private mutating func nextSteps(at now: UInt64) -> [PolicyStep]? {
    var steps: [PolicyStep] = []
    let paused = paused(at: now)
    while steps.count < maximumBatch,
      let waiting = observations.next(where: { session, _ in !paused.contains(session) })
    {
      let session = waiting.ticket.session
      do throws(RobotError) { _ = try checkedAge(of: waiting.request, waiting.ticket, at: now) } catch {
        answer(waiting.ticket, .error(error), at: now)
        continue
      }
      if steps.isEmpty { lastJobID += 1 }
      acting.append(begin(waiting, at: now))
      sessions[session]?.pace.step(at: now)
      sessions[session]?.compare(waiting.request, receivedAt: waiting.ticket.receivedAt)
      steps.append(
        PolicyStep(
          observation: waiting.request, context: sessions[session]?.context ?? EpisodeContext(),
          prepared: waiting.prepared))
    }
    return steps.isEmpty ? nil : steps
  }

  private func begin<Request>(_ waiting: Waiting<Request>, at now: UInt64) -> Running<Request> {
    // Decoding is a stage of its own.
    let sinceArrival = now &- waiting.ticket.receivedAt, decoding = waiting.prepared?.timings.total ?? 0
    return Running(
      jobID: lastJobID, session: waiting.ticket.session, request: waiting.request, ticket: waiting.ticket,
      queueTime: sinceArrival - min(sinceArrival, decoding))
  }

  /// Takes in what came of a job.
  package mutating func finish(_ outcome: Outcome, at now: UInt64) {
    if outcome.jobID == generating?.jobID {
      guard case .generated(let result) = outcome.answer else {
        return finishGeneration(.failure(Self.otherQuestion), at: now)
      }
      return finishGeneration(result, at: now)
    }
    guard outcome.jobID == acting.first?.jobID else { return }
    var answers: [Outcome.Step] = []
    if case .acted(let steps) = outcome.answer { answers = steps }
    let done = acting
    acting.removeAll()
    for (place, running) in done.enumerated() {
      // A policy that leaves one out has not answered it.
      let step = answers.indices.contains(place) ? answers[place] : Outcome.Step(result: .failure(Self.otherQuestion))
      finish(running, step, at: now)
    }
  }

  /// Only commands that are good and in time move the episode on. After any refusal the session has seen what it has seen, and is
  /// otherwise what it was.
  private mutating func finish(_ done: Running<Observation>, _ step: Outcome.Step, at now: UInt64) {
    // Answered in the meantime: stopped, reset or shut down. Then the episode must not remember the step either.
    guard let ticket = done.ticket, let session = sessions[done.session] else { return }
    let before = session.context ?? EpisodeContext()
    let after = step.context ?? before
    do throws(RobotError) {
      var chunk = try step.result.get()
      chunk.timings[.queue] = done.queueTime
      chunk.policyDigest = capabilities.policyDigest
      try capabilities.check(chunk, for: done.request)
      _ = try checkedAge(of: done.request, ticket, at: now)
      sessions[done.session]?.context = after
      sessions[done.session]?.order.advance(to: done.request)
      sessions[done.session]?.receipts.append(after.lastChunkNumber, at: now)
      sessions[done.session]?.serve(
        chunk, receivedAt: ticket.receivedAt, standstill: done.request.clock == .simulated ? standstill : 0, at: now)
      let answered = AnsweredStep(
        observation: done.request, ticket: ticket, order: session.order, context: before,
        number: after.lastChunkNumber)
      answer(ticket, .actionChunk(chunk), step: answered, at: now)
    } catch {
      var context = after
      if case .success = step.result {
        // The policy takes its commands for sent.
        context = before
        context.rememberSight(of: after)
      }
      sessions[done.session]?.context = context
      answer(ticket, .error(error), at: now)
    }
  }
}
