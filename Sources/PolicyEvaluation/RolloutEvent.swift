/// What a simulated robot reports while it flies: one JSON object a line on its standard output.
public enum RolloutEvent: Sendable, Hashable {
  /// The daemon answered and its capabilities fit; the first episode is about to begin.
  case ready(Ready)
  /// An episode begins.
  case episodeStart(EpisodeStart)
  /// One policy step, after its actions were executed.
  case step(Step)
  /// An episode ended, with or without success.
  case episodeEnd(EpisodeEnd)
  /// The robot gives up; its exit code follows.
  case failed(Failure)
  /// All episodes ran.
  case done

  /// The policy that answered, and what will be flown with it.
  public struct Ready: Sendable, Hashable, Codable {
    /// The policy's name.
    public var policy: String
    /// Hex SHA-256 over the policy's files.
    public var policyDigest: String
    /// In the order in which they will be flown.
    public var tasks: [String]
    /// Episodes of each task.
    public var episodes: Int
    /// Seed of the first episode of each task.
    public var seed: Int
    /// `fresh`: a goal of its own for every seed.
    public var goalProtocol: String
    /// Control steps after which an episode has failed; `nil` when the robot does not say.
    public var stepLimit: Int?
    /// The simulator and its modules; `nil` when the robot does not say.
    public var simulator: Simulator?

    /// Creates the event from its fields.
    public init(
      policy: String, policyDigest: String, tasks: [String], episodes: Int, seed: Int, goalProtocol: String,
      stepLimit: Int? = nil, simulator: Simulator? = nil
    ) {
      self.policy = policy
      self.policyDigest = policyDigest
      self.tasks = tasks
      self.episodes = episodes
      self.seed = seed
      self.goalProtocol = goalProtocol
      self.stepLimit = stepLimit
      self.simulator = simulator
    }

    enum CodingKeys: String, CodingKey {
      case policy
      case policyDigest = "policy_digest"
      case tasks, episodes, seed
      case goalProtocol = "goal_protocol"
      case stepLimit = "step_limit"
      case simulator
    }
  }

  /// What the robot is simulated with.
  public struct Simulator: Sendable, Hashable, Codable {
    /// A Python package that the physics depends on.
    public struct Module: Sendable, Hashable, Codable {
      /// Its name.
      public var name: String
      /// The version that runs; `nil` when the package does not say.
      public var version: String?
      /// The version that `Envs/requirements.txt` asks for; `nil` when it asks for none.
      public var pinned: String?
      /// The file that was imported.
      public var path: String

      /// Creates a module from its parts.
      public init(name: String, version: String?, pinned: String?, path: String) {
        self.name = name
        self.version = version
        self.pinned = pinned
        self.path = path
      }
    }

    /// The adapter's name, e.g. `metaworld`.
    public var name: String
    /// Version of the Python interpreter.
    public var python: String
    /// Folders that were asked for with `--python-path`.
    public var pythonPath: [String]
    /// What draws the pictures; `nil` where nothing is chosen.
    public var renderer: String?
    /// The packages that the physics depends on, and the robot itself.
    public var modules: [Module]

    /// Creates the description from its parts.
    public init(
      name: String, python: String, pythonPath: [String] = [], renderer: String? = nil, modules: [Module] = []
    ) {
      self.name = name
      self.python = python
      self.pythonPath = pythonPath
      self.renderer = renderer
      self.modules = modules
    }

    enum CodingKeys: String, CodingKey {
      case name, python, renderer, modules
      case pythonPath = "python_path"
    }
  }

  /// Which episode begins.
  public struct EpisodeStart: Sendable, Hashable, Codable {
    /// The task's name.
    public var task: String
    /// The seed of this episode.
    public var seed: Int
    /// Its number within the task, from 0.
    public var episode: Int
    /// Its number within the whole rollout, from 0.
    public var index: Int
    /// Episodes of the whole rollout.
    public var total: Int
    /// The sentence that the policy is given.
    public var instruction: String

    /// Creates the event from its fields.
    public init(task: String, seed: Int, episode: Int, index: Int, total: Int, instruction: String) {
      self.task = task
      self.seed = seed
      self.episode = episode
      self.index = index
      self.total = total
      self.instruction = instruction
    }
  }

  /// One policy step: an observation, its answer, and the actions executed.
  public struct Step: Sendable, Hashable, Codable {
    /// The task's name.
    public var task: String
    /// The seed of the episode.
    public var seed: Int
    /// Simulation steps of the episode so far.
    public var step: Int
    /// Policy steps of the episode so far.
    public var policySteps: Int
    /// Whether the task is solved by now.
    public var success: Bool
    /// Milliseconds since the previous policy step began; `nil` for the first of an episode.
    public var period: Double?
    /// Milliseconds by stage: the daemon's own and the robot's (`round_trip`, `render`, `simulate`).
    public var latency: [String: Double]
    /// Actions of this step that the safety envelope changed.
    public var limited: Int
    /// The model's confidence in the chunk, 0...1.
    public var confidence: Double?

    /// Creates the event from its fields.
    public init(
      task: String, seed: Int, step: Int, policySteps: Int, success: Bool, period: Double?, latency: [String: Double],
      limited: Int = 0, confidence: Double? = nil
    ) {
      self.task = task
      self.seed = seed
      self.step = step
      self.policySteps = policySteps
      self.success = success
      self.period = period
      self.latency = latency
      self.limited = limited
      self.confidence = confidence
    }

    enum CodingKeys: String, CodingKey {
      case task, seed, step
      case policySteps = "policy_steps"
      case success
      case period = "period_ms"
      case latency = "latency_ms"
      case limited, confidence
    }

    /// Leaves out stages whose duration is `null`: the robot's word for a number that JSON cannot say.
    public init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: CodingKeys.self)
      self.init(
        task: try values.decode(String.self, forKey: .task), seed: try values.decode(Int.self, forKey: .seed),
        step: try values.decode(Int.self, forKey: .step),
        policySteps: try values.decode(Int.self, forKey: .policySteps),
        success: try values.decode(Bool.self, forKey: .success),
        period: try values.decodeIfPresent(Double.self, forKey: .period),
        latency: try values.decode([String: Double?].self, forKey: .latency).compactMapValues(\.self),
        limited: try values.decode(Int.self, forKey: .limited),
        confidence: try values.decodeIfPresent(Double.self, forKey: .confidence))
    }
  }

  /// How an episode ended.
  public struct EpisodeEnd: Sendable, Hashable, Codable {
    /// The task's name.
    public var task: String
    /// The seed of the episode.
    public var seed: Int
    /// Its number within the task, from 0.
    public var episode: Int
    /// Whether the task was solved.
    public var success: Bool
    /// Simulation steps.
    public var steps: Int
    /// Observations answered with actions.
    public var policySteps: Int
    /// Actions that the safety envelope changed.
    public var limitedActions: Int
    /// Simulation steps in which the robot held still for want of a fresh command.
    public var heldSteps: Int
    /// Seconds that the episode took.
    public var wallSeconds: Double
    /// Where its film lies, when one was asked for.
    public var video: String?

    /// Creates the event from its fields.
    public init(
      task: String, seed: Int, episode: Int, success: Bool, steps: Int, policySteps: Int, limitedActions: Int = 0,
      heldSteps: Int = 0, wallSeconds: Double, video: String? = nil
    ) {
      self.task = task
      self.seed = seed
      self.episode = episode
      self.success = success
      self.steps = steps
      self.policySteps = policySteps
      self.limitedActions = limitedActions
      self.heldSteps = heldSteps
      self.wallSeconds = wallSeconds
      self.video = video
    }

    enum CodingKeys: String, CodingKey {
      case task, seed, episode, success, steps
      case policySteps = "policy_steps"
      case limitedActions = "limited_actions"
      case heldSteps = "held_steps"
      case wallSeconds = "wall_s"
      case video
    }
  }

  /// Why the robot gives up.
  public struct Failure: Sendable, Hashable, Codable {
    /// A code of the wire protocol's list or of the robot's own.
    public var code: String
    /// The field or thing at fault; may be empty.
    public var subject: String
    /// A sentence a person can act on.
    public var message: String

    /// Creates the event from its fields.
    public init(code: String, subject: String, message: String) {
      self.code = code
      self.subject = subject
      self.message = message
    }
  }
}
