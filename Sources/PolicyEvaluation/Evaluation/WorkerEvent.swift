import RunDatabase

/// What a worker process reports: one JSON object a line on its standard output (`Envs/uio2_envs/worker.py`).
enum WorkerEvent: Sendable, Hashable {
  case ready(Ready)
  case episodeStart(EpisodeStart)
  case step(Step)
  case episodeEnd(EpisodeEnd)
  /// One episode failed, and the worker ends.
  case episodeFailed(id: Int, Failure)
  /// The worker cannot go on.
  case failed(Failure)

  struct Ready: Sendable, Hashable, Decodable {
    var policy: String
    /// Empty for experts.
    var policyDigest: String
    var simulator: Simulator?

    enum CodingKeys: String, CodingKey {
      case policy, simulator
      case policyDigest = "policy_digest"
    }
  }

  struct EpisodeStart: Sendable, Hashable, Decodable {
    var id: Int
    var instruction: String?
    var goalProtocol: String?
    /// Control steps after which the episode has failed.
    var stepLimit: Int?

    enum CodingKeys: String, CodingKey {
      case id, instruction
      case goalProtocol = "goal_protocol"
      case stepLimit = "step_limit"
    }
  }

  struct Step: Sendable, Hashable {
    var id: Int
    var record: StepRecord
  }

  struct EpisodeEnd: Sendable, Hashable, Decodable {
    var id: Int
    var task: String
    var seed: Int
    var success: Bool
    var successAtEnd: Bool
    var steps: Int
    var policySteps: Int
    var stepsToSuccess: Int?
    var heldSteps: Int
    var lateSteps: Int?
    var skippedActions: Int?
    var limitedActions: Int
    /// Names of the steps' proprioception.
    var proprioception: [String]?
    var pathLength: Double?
    var meanJerk: Double?
    var wallSeconds: Double
    var video: String?
    /// Of the worker since it began, in mebibytes.
    var peakMemory: Double?

    enum CodingKeys: String, CodingKey {
      case id, task, seed, success, steps, proprioception, video
      case successAtEnd = "success_at_end"
      case policySteps = "policy_steps"
      case stepsToSuccess = "steps_to_success"
      case heldSteps = "held_steps"
      case lateSteps = "late_steps"
      case skippedActions = "skipped_actions"
      case limitedActions = "limited_actions"
      case pathLength = "path_length"
      case meanJerk = "mean_jerk"
      case wallSeconds = "wall_s"
      case peakMemory = "peak_memory_mib"
    }
  }

  struct Failure: Sendable, Hashable, Decodable {
    /// A code of the wire protocol's list or of the robot's own.
    var code: String
    /// The field or thing at fault; may be empty.
    var subject: String
    /// A sentence a person can act on.
    var message: String
  }
}
