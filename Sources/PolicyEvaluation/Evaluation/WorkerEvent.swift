import RunDatabase

/// What a worker process reports: one JSON object a line on its standard output (`Envs/uio2_envs/worker.py`).
package enum WorkerEvent: Sendable, Hashable {
  case ready(Ready)
  case episodeStart(EpisodeStart)
  case step(Step)
  case episodeEnd(EpisodeEnd)
  /// One episode failed, and the worker ends.
  case episodeFailed(id: Int, Failure)
  /// The worker cannot go on.
  case failed(Failure)

  package struct Ready: Sendable, Hashable, Decodable {
    package var policy: String
    /// Empty for experts.
    package var policyDigest: String
    package var simulator: Simulator?
    /// How the policy's matrices are kept; empty or `nil`: not said.
    package var weights: String?
    /// How the inputs of products with 8-bit weights are taken; empty or `nil`: there are none, or it is not said.
    package var activations: String?

    enum CodingKeys: String, CodingKey {
      case policy, simulator, weights, activations
      case policyDigest = "policy_digest"
    }
  }

  package struct EpisodeStart: Sendable, Hashable, Decodable {
    package var id: Int
    package var instruction: String?
    package var goalProtocol: String?
    /// Control steps after which the episode has failed.
    package var stepLimit: Int?

    enum CodingKeys: String, CodingKey {
      case id, instruction
      case goalProtocol = "goal_protocol"
      case stepLimit = "step_limit"
    }
  }

  package struct Step: Sendable, Hashable {
    package var id: Int
    package var record: StepRecord
  }

  package struct EpisodeEnd: Sendable, Hashable, Decodable {
    package var id: Int
    package var task: String
    package var seed: Int
    package var success: Bool
    package var successAtEnd: Bool
    package var steps: Int
    package var policySteps: Int
    package var stepsToSuccess: Int?
    package var heldSteps: Int
    package var lateSteps: Int?
    package var skippedActions: Int?
    package var limitedActions: Int
    /// Names of the steps' proprioception.
    package var proprioception: [String]?
    package var pathLength: Double?
    package var meanJerk: Double?
    package var wallSeconds: Double
    package var video: String?
    /// A task of the same scene that was done although another one was said; empty for none.
    package var otherTask: String?
    /// How often each outcome of a primitive came.
    package var outcomes: [String: Int]?
    /// Of the worker since it began, in mebibytes.
    package var peakMemory: Double?

    enum CodingKeys: String, CodingKey {
      case id, task, seed, success, steps, proprioception, video, outcomes
      case successAtEnd = "success_at_end"
      case policySteps = "policy_steps"
      case stepsToSuccess = "steps_to_success"
      case heldSteps = "held_steps"
      case lateSteps = "late_steps"
      case skippedActions = "skipped_actions"
      case limitedActions = "limited_actions"
      case pathLength = "path_length"
      case meanJerk = "mean_jerk"
      case otherTask = "other_task"
      case wallSeconds = "wall_s"
      case peakMemory = "peak_memory_mib"
    }
  }

  package struct Failure: Sendable, Hashable, Decodable {
    /// A code of the wire protocol's list or of the robot's own.
    package var code: String
    /// The field or thing at fault; may be empty.
    package var subject: String
    /// A sentence a person can act on.
    package var message: String
  }
}
