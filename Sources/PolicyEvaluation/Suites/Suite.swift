public import RunDatabase

/// What is evaluated: an environment, its tasks in groups, seeds, the step limit and the rule of success. The contents of a suite file.
public struct Suite: Sendable, Hashable {
  /// When an episode counts as a success, and when it ends.
  public typealias SuccessRule = RunConfiguration.SuccessRule

  /// How the episodes of a task differ from the plain ones: what a worker is told beside task and seed.
  public struct Options: Sendable, Hashable, Encodable {
    /// What is made harder.
    public var perturbation: String?
    /// From 1 to 4; `nil`: nothing is perturbed.
    public var severity: Int?
    /// The task whose instruction is given and whose success is measured.
    public var instructionFrom: String?
    /// Said in place of the instruction, whose task it is all the same.
    public var words: String?
    /// A set of cameras that the simulator knows by this name.
    public var view: String?
    /// Recordings, by the name of their folder in `voices`, that say the instruction in place of words.
    public var speech: String?

    /// Whether the episodes are the plain ones.
    public var isEmpty: Bool { self == Options() }

    /// The plain episodes.
    public init() {}
  }

  /// A task of the file with one of its variants.
  public struct Task: Sendable, Hashable {
    /// Unique in the suite: the task's name, and what sets its episodes apart, such as `push-v3.camera-2`.
    public var name: String
    /// Tasks of one group are averaged first, as the tiers of MT50; empty: none.
    public var group: String
    /// The name that the environment knows.
    public var scene: String
    /// How its episodes differ from the plain ones.
    public var options: Options
  }

  /// Letters, digits and `-_.`; the file's name without its ending, or the simulator's where there is no file.
  public let name: String
  /// A sentence for people.
  public let description: String
  /// The simulator's name, such as `metaworld`.
  public let environment: String
  /// Unique names, at least one.
  public let tasks: [Task]
  /// Seed of the first episode of each task; the next ones count up.
  public let firstSeed: Int
  /// Episodes of each task unless the command line says otherwise, at least 1.
  public let episodes: Int
  /// Control steps of an episode, at most; `nil`: the simulator's own limit.
  public let stepLimit: Int?
  /// When an episode counts as a success.
  public let success: SuccessRule
  /// Hex SHA-256 of the file; empty where there is none.
  public let digest: String
}
