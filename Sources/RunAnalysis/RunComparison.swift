public import Reporting
public import RunDatabase

/// Two runs on the episodes that both have: same suite, same task, same seed.
public struct RunComparison: Sendable, Hashable {
  /// One task.
  public struct Task: Sendable, Hashable {
    /// The task's name.
    public var name: String
    /// Its episodes.
    public var pairs: PairedComparison
  }

  /// All episodes together.
  public var overall: PairedComparison
  /// By task, in the order of the first run's plan.
  public var tasks: [Task]
  /// Episodes that only one of the runs has run to their end.
  public var unpaired: Int

  /// How the interval of the difference is made.
  public static let method = "Tango's score interval"

  /// Pairs the outcomes of two runs.
  ///
  /// - Throws: ``RunDatabaseError`` `.mismatch` when the runs are of different suites, step limits, rules of success or versions of the
  ///   simulator, or share no episode; `.storage`.
  public init(_ first: RunDatabase, _ second: RunDatabase) throws(RunDatabaseError) {
    let (one, other) = (first.configuration.subject, second.configuration.subject)
    guard one.suite == other.suite, one.suiteDigest == other.suiteDigest, one.stepLimit == other.stepLimit,
      one.success == other.success
    else {
      throw RunDatabaseError(.mismatch, "suite", "the runs cannot be paired: \(one.firstDifference(from: other))")
    }
    if let simulator = try first.workers().lazy.compactMap(\.simulator).first,
      let counterpart = try second.workers().lazy.compactMap(\.simulator).first,
      let difference = simulator.firstDifference(from: counterpart)
    {
      throw RunDatabaseError(.mismatch, "simulator", "the runs cannot be paired: \(difference)")
    }
    let rows = try first.outcomes().filter { $0.state == .finished }
    let others = try second.outcomes().filter { $0.state == .finished }
    let partners = Dictionary(others.map { ($0.episode, $0) }) { first, _ in first }
    let pairs = rows.compactMap { row in
      partners[row.episode].map { (row.episode.task, (row.isSuccess(by: one.success), $0.isSuccess(by: one.success))) }
    }
    guard !pairs.isEmpty else {
      throw RunDatabaseError(.mismatch, "episodes", "the runs share no task and seed that both have an outcome of")
    }
    overall = PairedComparison(pairs.map(\.1))
    var names: [String] = []
    for (name, _) in pairs where names.last != name && !names.contains(name) { names.append(name) }
    tasks = names.map { name in Task(name: name, pairs: PairedComparison(pairs.filter { $0.0 == name }.map(\.1))) }
    unpaired = rows.count + partners.count - 2 * pairs.count
  }
}
