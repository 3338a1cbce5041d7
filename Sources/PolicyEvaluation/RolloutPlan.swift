import Processes

/// The robot's clock during a rollout, against which the deadlines of commands run.
public enum RolloutClock: String, Sendable, Hashable, CaseIterable {
  /// Time passes only when the simulator steps: no answer is late, and a busy machine gives the same result.
  case simulated
  /// The machine's clock: a daemon slower than its deadline makes the robot hold, as on a real arm.
  case wall
}

/// What is to be flown: an environment, its tasks, and how many episodes of each.
public struct RolloutPlan: Sendable, Hashable {
  /// The simulator's name, e.g. `metaworld`.
  public let environment: String
  /// In the order in which they are flown.
  public let tasks: [String]
  /// Episodes of each task.
  public let episodes: Int
  /// Seed of the first episode of each task; the next ones count up.
  public let seed: Int
  /// Simulation steps after which an episode has failed; `nil`: the simulator's own number.
  public let maximumSteps: Int?
  /// Where films go; `nil`: none are made.
  public let videoDirectory: String?
  /// What the deadlines of commands run against.
  public let clock: RolloutClock

  /// Checks and keeps the description of a rollout.
  ///
  /// - Parameters:
  ///   - environment: `SIMULATOR:TASK[,TASK…]`, e.g. `metaworld:reach-v3,push-v3`.
  ///   - episodes: episodes of each task.
  ///   - seed: seed of the first episode of each task.
  ///   - maximumSteps: simulation steps after which an episode has failed.
  ///   - videoDirectory: where films go.
  ///   - clock: what the deadlines of commands run against.
  /// - Throws: ``RolloutError`` `.invalidPlan` naming the part at fault.
  public init(
    environment: String, episodes: Int, seed: Int, maximumSteps: Int? = nil, videoDirectory: String? = nil,
    clock: RolloutClock = .simulated
  ) throws(RolloutError) {
    let parts = environment.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, Self.isName(parts[0]) else {
      throw RolloutError(
        .invalidPlan, "environment", "expected SIMULATOR:TASK[,TASK…] as in metaworld:push-v3, found “\(environment)”")
    }
    let tasks = parts[1].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    for (place, task) in tasks.enumerated() {
      guard Self.isName(task) else {
        throw RolloutError(.invalidPlan, "environment", "“\(task)” (task \(place + 1)) is not the name of a task")
      }
      guard !tasks[..<place].contains(task) else {
        throw RolloutError(.invalidPlan, "environment", "the task \(task) is named twice")
      }
    }
    guard episodes > 0 else {
      throw RolloutError(.invalidPlan, "episodes", "expected at least 1, found \(episodes)")
    }
    guard seed >= 0, !seed.addingReportingOverflow(episodes).overflow else {
      throw RolloutError(.invalidPlan, "seed", "expected a number from 0 that leaves room for \(episodes) episodes")
    }
    if let maximumSteps, maximumSteps <= 0 {
      throw RolloutError(.invalidPlan, "max-steps", "expected at least 1, found \(maximumSteps)")
    }
    self.environment = String(parts[0])
    self.tasks = tasks
    self.episodes = episodes
    self.seed = seed
    self.maximumSteps = maximumSteps
    self.videoDirectory = videoDirectory
    self.clock = clock
  }

  /// Episodes of all tasks together.
  public var totalEpisodes: Int { tasks.count.multipliedReportingOverflow(by: episodes).partialValue }

  /// The program that flies this plan against the daemon at `address`.
  ///
  /// - Parameter pythonPath: full paths of folders in which modules are looked for before all others.
  public func command(python: PythonInterpreter, address: String, pythonPath: [String] = []) -> ChildProcess.Command {
    var arguments =
      python.launch(pythonPath: pythonPath) + [
        environment, "--task", tasks.joined(separator: ","), "--connect", address,
      ]
    arguments += ["--episodes", String(episodes), "--seed", String(seed), "--clock", clock.rawValue]
    if let maximumSteps { arguments += ["--max-steps", String(maximumSteps)] }
    if let videoDirectory { arguments += ["--video", videoDirectory] }
    for folder in pythonPath { arguments += ["--python-path", folder] }
    arguments += ["--events", "--lifeline"]
    return ChildProcess.Command(executable: python.path, arguments: arguments, lifeline: .standardInput)
  }

  /// Letters, digits and `-_.` after a first letter or digit, so that no task can be taken for an option.
  static func isName(_ text: some StringProtocol) -> Bool {
    guard let first = text.utf8.first, first != UInt8(ascii: "-"), text.utf8.count <= 100 else { return false }
    return text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
        true
      default: false
      }
    }
  }
}
