import RobotInterface
import RobotLink
import RobotPolicy

/// What the policy works on, and what comes of it.
extension ControlCore {
  /// Says that the policy is warm.
  package mutating func becomeReady(at now: UInt64) {
    guard phase == .warming else { return }
    phase = .serving
    note(.ready, "", at: now)
    for ticket in hellos { answer(ticket, .capabilities(capabilities), at: now) }
    hellos.removeAll()
  }

  /// The next piece of work, when something waits that may begin. Robots go before people who ask: observations begin even while a
  /// generation is under way.
  package mutating func nextJob(at now: UInt64) -> Job? {
    guard phase == .serving, acting.isEmpty else { return nil }
    if let steps = nextSteps(at: now) { return Job(id: lastJobID, work: .act(steps)) }
    guard generating == nil, let (_, waiting) = generations.next() else { return nil }
    lastJobID += 1
    generating = begin(waiting, at: now)
    return Job(id: lastJobID, work: .generate(waiting.request))
  }

  /// What waits now, in the order of the line; nobody is waited for.
  private mutating func nextSteps(at now: UInt64) -> [PolicyStep]? {
    var steps: [PolicyStep] = []
    while steps.count < maximumBatch, let (session, waiting) = observations.next() {
      do throws(RobotError) { try checkAge(of: waiting.request, receivedAt: waiting.ticket.receivedAt, at: now) } catch
      {
        answer(waiting.ticket, .error(error), at: now)
        continue
      }
      if steps.isEmpty { lastJobID += 1 }
      acting.append(begin(waiting, at: now))
      sessions[session]?.compare(waiting.request, receivedAt: waiting.ticket.receivedAt)
      steps.append(
        PolicyStep(observation: waiting.request, context: sessions[session]?.context ?? EpisodeContext()))
    }
    return steps.isEmpty ? nil : steps
  }

  private func begin<Request>(_ waiting: Waiting<Request>, at now: UInt64) -> Running<Request> {
    Running(
      jobID: lastJobID, session: waiting.ticket.session, request: waiting.request, ticket: waiting.ticket,
      queueTime: now &- waiting.ticket.receivedAt)
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

  private mutating func finish(_ done: Running<Observation>, _ step: Outcome.Step, at now: UInt64) {
    // Answered in the meantime: stopped, reset or shut down. Then the episode must not remember the step either.
    guard let ticket = done.ticket else { return }
    if let context = step.context { sessions[done.session]?.context = context }
    do throws(RobotError) {
      var chunk = try step.result.get()
      chunk.timings[.queue] = done.queueTime
      try capabilities.check(chunk, for: done.request)
      record(chunk, answeredAfter: now &- ticket.receivedAt)
      note(.acted(done.request, chunk), done.session, at: now)
      sessions[done.session]?.lastChunkAt = now
      answer(ticket, .actionChunk(chunk), at: now)
    } catch {
      if case .success = step.result { sessions[done.session]?.context.recordUnsent() }
      answer(ticket, .error(error), at: now)
    }
  }

  private mutating func record(_ chunk: ActionChunk, answeredAfter duration: UInt64) {
    metrics.chunks += 1
    metrics.limitedActions += UInt64(chunk.actions.count { !$0.limited.isEmpty })
    metrics.answerTime.record(duration)
    for (stage, duration) in chunk.timings.durations { metrics.stages[stage, default: .init()].record(duration) }
  }
}
