/// What a run evaluates and with what: everything that its outcomes follow from, and where they were made.
public struct RunConfiguration: Sendable, Hashable, Codable {
  /// One episode of the plan.
  public struct Episode: Sendable, Hashable, Codable {
    /// The task's name.
    public var task: String
    /// The group that the task belongs to, such as a tier of difficulty; empty: none.
    public var group: String
    /// The seed that the episode's initial state follows from.
    public var seed: Int

    /// Collects the parts.
    public init(task: String, group: String = "", seed: Int) {
      self.task = task
      self.group = group
      self.seed = seed
    }
  }

  /// When an episode counts as a success, and when it ends.
  public enum SuccessRule: String, Sendable, Hashable, Codable, CaseIterable {
    /// The task is solved at any step; the episode ends there.
    case any
    /// The task is solved in the state in which the episode ends, which is at the step limit.
    case end
  }

  /// The seeds that every task of the whole run has.
  public struct Seeds: Sendable, Hashable, Codable {
    /// The seed of a task's first episode; the next ones count up.
    public var first: Int
    /// Episodes of each task.
    public var count: Int

    /// Collects the parts.
    public init(first: Int, count: Int) {
      self.first = first
      self.count = count
    }
  }

  /// What outcomes follow from. Two runs may be merged or compared task by task only when these agree.
  public struct Subject: Sendable, Hashable, Codable {
    /// The suite's name.
    public var suite: String
    /// SHA-256 of the suite's text.
    public var suiteDigest: String
    /// The policy's name; `expert` for the scripted experts.
    public var policy: String
    /// ``Capabilities/policyDigest``; empty for experts.
    public var policyDigest: String
    /// `lockstep` or `realtime`.
    public var mode: String
    /// Milliseconds that every answer is held back; 0 in lockstep.
    public var addedDelay: Double
    /// Weight format of the policy, such as `bf16`.
    public var weights: String
    /// How the inputs of products with 8-bit weights are taken, such as `int16`; `nil`: there are none, or it is not known.
    public var activations: String?
    /// Control steps of an episode, at most; `nil`: the simulator's own limit.
    public var stepLimit: Int?
    /// When an episode counts as a success.
    public var success: SuccessRule
    /// Milliseconds for which an answer is valid, in real time; `nil` in lockstep, and where a daemon does not say so.
    public var deadline: Double?
    /// How much of an answer is executed before the robot looks again, `closed` or `open`; `nil`: all of it.
    public var loop: String?

    /// Collects the parts.
    public init(
      suite: String, suiteDigest: String, policy: String, policyDigest: String, mode: String = "lockstep",
      addedDelay: Double = 0, weights: String = "", activations: String? = nil, stepLimit: Int? = nil,
      success: SuccessRule = .any, deadline: Double? = nil, loop: String? = nil
    ) {
      self.suite = suite
      self.suiteDigest = suiteDigest
      self.policy = policy
      self.policyDigest = policyDigest
      self.mode = mode
      self.addedDelay = addedDelay
      self.weights = weights
      self.activations = activations
      self.stepLimit = stepLimit
      self.success = success
      self.deadline = deadline
      self.loop = loop
    }
  }

  /// What outcomes follow from.
  public var subject: Subject
  /// The seeds of the whole run, of which a shard has a part; `nil` where tasks have seeds of their own.
  public var seeds: Seeds?
  /// The episodes of this run, or of this shard of it, in the order of the plan.
  public var episodes: [Episode]
  /// Which shard of how many this is, from 1; `nil`: the whole run.
  public var shard: Shard?
  /// Versions of the programs, by name.
  public var versions: [String: String]
  /// The machine on which the run was begun, in words.
  public var machine: String
  /// The command line that began the run; ``RunDatabase/sessions()`` has those that went on with it.
  public var command: String

  /// A part of a run.
  public struct Shard: Sendable, Hashable, Codable {
    /// 1...``count``.
    public var index: Int
    /// Shards of the whole run.
    public var count: Int

    /// Collects the parts.
    public init(index: Int, count: Int) {
      self.index = index
      self.count = count
    }
  }

  /// Collects the parts.
  public init(
    subject: Subject, seeds: Seeds? = nil, episodes: [Episode], shard: Shard? = nil, versions: [String: String] = [:],
    machine: String = "", command: String = ""
  ) {
    self.subject = subject
    self.seeds = seeds
    self.episodes = episodes
    self.shard = shard
    self.versions = versions
    self.machine = machine
    self.command = command
  }
}
