import RobotInterface
import RobotPolicy

/// One piece of work for the policy's thread.
package struct Job: Sendable {
  /// What to compute.
  package enum Work: Sendable {
    /// Steps of different sessions, at least one.
    case act([PolicyStep])
    /// A question with what was decoded of it; `nil`: it shows and plays nothing.
    case generate(GenerationRequest, prepared: PreparedInput?)
  }

  /// Matches the outcome with the job.
  package var id: UInt64
  package var work: Work

  /// Whether a robot waits for it.
  package var isAct: Bool {
    if case .act = work { true } else { false }
  }
}

/// What came of a ``Job``.
package struct Outcome: Sendable {
  /// What was computed.
  package enum Answer: Sendable {
    /// In the order of the job's steps.
    case acted([Step])
    case generated(Result<GenerationResult, RobotError>)
  }

  /// What came of one session's step.
  package struct Step: Sendable {
    package var result: Result<ActionChunk, RobotError>
    /// The episode's memory after the step, whether or not it gave a chunk: a refused observation was seen as well. `nil`: as before.
    package var context: EpisodeContext?

    package init(result: Result<ActionChunk, RobotError>, context: EpisodeContext? = nil) {
      self.result = result
      self.context = context
    }
  }

  package var jobID: UInt64
  package var answer: Answer

  package init(jobID: UInt64, answer: Answer) {
    self.jobID = jobID
    self.answer = answer
  }
}
