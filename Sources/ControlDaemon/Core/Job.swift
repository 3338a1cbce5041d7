import RobotInterface
import RobotLink
import RobotPolicy

/// One piece of work for the policy's thread.
package struct Job: Sendable {
  /// What to compute.
  package enum Work: Sendable {
    case act(Observation, EpisodeContext)
    case generate(GenerationRequest)
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
    case chunk(ActionChunk)
    case generation(GenerationResult)
  }

  package var jobID: UInt64
  /// The episode's memory after the step, whether or not it gave a chunk: a refused observation was seen as well.
  package var context: EpisodeContext?
  package var result: Result<Answer, RobotError>

  package init(jobID: UInt64, context: EpisodeContext?, result: Result<Answer, RobotError>) {
    self.jobID = jobID
    self.context = context
    self.result = result
  }
}
