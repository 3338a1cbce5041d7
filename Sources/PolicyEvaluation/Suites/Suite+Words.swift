import Foundation
public import RunDatabase

extension Suite {
  /// The tasks of one simulator as a command line names them, without a file.
  ///
  /// - Parameters:
  ///   - words: `SIMULATOR:TASK[,TASK…]`, e.g. `metaworld:reach-v3,push-v3`. `TASK.says-OTHER` gives the instruction of OTHER in the
  ///     scene of TASK and counts its success, as `instruction_from` in a suite's file does.
  ///   - episodes: episodes of each task.
  ///   - seed: seed of the first episode of each task.
  ///   - stepLimit: control steps after which an episode has failed.
  /// - Throws: ``RolloutError`` `.invalidPlan` naming the part at fault.
  public init(words: String, episodes: Int, seed: Int, stepLimit: Int? = nil) throws(RolloutError) {
    let parts = words.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, Self.isName(parts[0]) else {
      throw RolloutError(
        .invalidPlan, "environment", "expected SIMULATOR:TASK[,TASK…] as in metaworld:push-v3, found “\(words)”")
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
    guard (1...Self.maximumEpisodes).contains(episodes), tasks.count * episodes <= Self.maximumEpisodes else {
      throw RolloutError(
        .invalidPlan, "episodes",
        "expected 1 to \(Self.maximumEpisodes) of all tasks together, found \(episodes) of each")
    }
    guard seed >= 0, seed <= Int(Int32.max) - (episodes - 1) else {
      throw RolloutError(
        .invalidPlan, "seed",
        "expected 0 to \(Int(Int32.max) - (episodes - 1)), which leaves room for \(episodes) episodes")
    }
    if let stepLimit, !(1...Self.maximumEpisodes).contains(stepLimit) {
      throw RolloutError(.invalidPlan, "max-steps", "expected 1 to \(Self.maximumEpisodes), found \(stepLimit)")
    }
    name = String(parts[0])
    description = ""
    environment = name
    self.tasks = try tasks.map { task throws(RolloutError) in try Self.task(task) }
    firstSeed = seed
    self.episodes = episodes
    self.stepLimit = stepLimit
    success = .any
    digest = ""
  }

  /// A task by its label, see ``init(words:episodes:seed:stepLimit:)``.
  private static func task(_ label: String) throws(RolloutError) -> Task {
    guard let mark = label.range(of: ".says-") else {
      return Task(name: label, group: "", scene: label, options: Options())
    }
    let (scene, said) = (String(label[..<mark.lowerBound]), String(label[mark.upperBound...]))
    guard isName(scene), isName(said) else {
      throw RolloutError(
        .invalidPlan, "environment", "“\(label)”: expected TASK.says-OTHER with the names of two tasks")
    }
    var options = Options()
    options.instructionFrom = said
    return Task(name: label, group: "", scene: scene, options: options)
  }

  /// The episodes of the whole plan, task after task.
  ///
  /// - Parameters:
  ///   - episodes: of each task; `nil`: the suite's number.
  ///   - seed: of the first episode of each task; `nil`: the suite's.
  /// - Throws: ``RolloutError`` `.invalidPlan` when they are too many, or run out of seeds.
  public func plan(episodes: Int? = nil, seed: Int? = nil) throws(RolloutError) -> [RunConfiguration.Episode] {
    let (first, count) = (seed ?? firstSeed, episodes ?? self.episodes)
    let (total, overflow) = tasks.count.multipliedReportingOverflow(by: count)
    guard count > 0, !overflow, total <= Self.maximumEpisodes else {
      throw RolloutError(
        .invalidPlan, "episodes",
        "\(tasks.count) tasks with \(count) episodes each; expected 1 to \(Self.maximumEpisodes) in all")
    }
    guard first >= 0, first <= Int(Int32.max) - (count - 1) else {
      throw RolloutError(.invalidPlan, "seed", "expected seeds from 0 to \(Int32.max), found \(count) from \(first)")
    }
    return tasks.flatMap { task in
      (0..<count).map { RunConfiguration.Episode(task: task.name, group: task.group, seed: first + $0) }
    }
  }

  /// Episodes of a plan, and control steps of an episode, at most.
  static let maximumEpisodes = 1_000_000

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
