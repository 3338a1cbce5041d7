/// What is evaluated: an environment, its tasks in groups, seeds, the step limit and the rule of success. The contents of a suite file.
public struct Suite: Sendable, Hashable {
  /// When an episode counts as a success, and when it ends.
  public enum SuccessRule: String, Sendable, Hashable, CaseIterable {
    /// The task is solved at any step; the episode ends there.
    case any
    /// The task is solved in the state in which the episode ends, which is at the step limit.
    case end
  }

  /// One task.
  public struct Task: Sendable, Hashable {
    /// The name that the environment knows.
    public var name: String
    /// Tasks of one group are averaged first, as the tiers of MT50; empty: none.
    public var group: String
  }

  /// Letters, digits and `-_.`; the file's name without its ending.
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
  /// Hex SHA-256 of the file.
  public let digest: String

  /// The groups in the order in which they appear, with their tasks; one unnamed group when tasks have none.
  public var groups: [(name: String, tasks: [String])] {
    var groups: [(name: String, tasks: [String])] = []
    for task in tasks {
      if let place = groups.firstIndex(where: { $0.name == task.group }) {
        groups[place].tasks.append(task.name)
      } else {
        groups.append((task.group, [task.name]))
      }
    }
    return groups
  }
}
