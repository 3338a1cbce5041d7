public import Reporting
public import RunDatabase

/// What a run's record says: rates with intervals, times, latencies, and how well confidence tells successes from failures.
public struct RunSummary: Sendable, Hashable {
  /// One task.
  public struct Task: Sendable, Hashable {
    /// The task's name.
    public var name: String
    /// Its group; empty: none.
    public var group: String
    /// Successes among the episodes that ran to their end, by the suite's rule.
    public var outcomes: Proportion
    /// Exact interval of the rate at 95 %.
    public var interval: ClosedRange<Double>
    /// Control steps until success, the median over successes; `nil` without one.
    public var medianStepsToSuccess: Double?
    /// Metres, the median over episodes; `nil`: not measured.
    public var medianPathLength: Double?
    /// m/s³, the median over episodes; `nil`: not measured.
    public var medianJerk: Double?
    /// Limited actions by control steps; `nil` without steps.
    public var limitedShare: Double?
    /// Control steps in which the robot held still for want of a fresh command, by control steps; `nil` without steps.
    public var heldShare: Double?
    /// Successes in the last state instead of at any step.
    public var successesAtEnd: Int
  }

  /// A mean over tasks, tiers or episodes.
  public struct Mean: Sendable, Hashable {
    /// What it is the mean over.
    public var name: String
    /// 0...1.
    public var rate: Double
    /// At 95 %.
    public var interval: ClosedRange<Double>
    /// How the interval was made.
    public var method: String
    /// Whether this is the mean over one group's tasks, of which ``name`` is the group.
    public var isGroup: Bool
  }

  /// How long a stage took.
  public struct Latency: Sendable, Hashable {
    /// `round_trip`, `render`, `simulate`, or a stage of the daemon.
    public var name: String
    /// Milliseconds.
    public var median: Double
    /// Milliseconds.
    public var p90: Double
    /// Milliseconds.
    public var p99: Double
  }

  /// Whether confidence tells successes from failures.
  public struct Confidence: Sendable, Hashable {
    /// The probability that a success has a higher mean confidence than a failure; `nil` without one of each.
    public var areaUnderCurve: Double?
    /// Episodes by mean confidence.
    public var bins: [Separation.CalibrationBin]
  }

  /// How the interval of one task was made.
  public static let taskMethod = "Clopper and Pearson for one task"

  /// How medians are made, as tables say it.
  public static let medians = "Of an even number of values the median is the lower of the two in the middle"

  /// How the intervals of the means were made, a sentence for each method, which names its means where there are several methods.
  public var meanMethods: [String] {
    var methods: [(name: String, means: [String])] = []
    // A group of one task has the task's own interval.
    for mean in means where mean.method != StratifiedMean.IntervalMethod.exact.description {
      if let place = methods.firstIndex(where: { $0.name == mean.method }) {
        methods[place].means.append(mean.name)
      } else {
        methods.append((mean.method, [mean.name]))
      }
    }
    return methods.map { "for \(methods.count == 1 ? "means" : $0.means.joined(separator: ", ")): \($0.name)" }
  }

  /// Episodes of the plan without an outcome.
  public var left: Int { max(0, planned - finished - abandoned) }

  /// What a reader must know of the run, a sentence each without its full stop: whether it is whole, and what no rate counts.
  public var notes: [String] {
    var notes = ["\(finished) of \(planned) planned episodes finished"]
    if left > 0 { notes.append("The run is unfinished: \(left) episodes have no outcome") }
    if lost > 0 { notes.append("\(lost) attempts were lost by the simulator") }
    if abandoned > 0 {
      notes.append("\(abandoned) episodes were given up after too many lost attempts; no rate counts them")
    }
    if !untriedGroups.isEmpty {
      notes.append(
        "No mean counts these groups, of which no episode finished: \(untriedGroups.joined(separator: ", "))")
    }
    if let lateShare, lateShare > 0 {
      notes.append(
        "\(RateText.percent(lateShare)) of the control steps began late, because the simulator could not keep up")
    }
    return notes
  }

  /// Groups of the plan of which no episode finished, in its order; empty where tasks have no groups.
  public var untriedGroups: [String] {
    var groups: [String] = []
    for task in tasks where !groups.contains(task.group) { groups.append(task.group) }
    guard groups.count > 1 else { return [] }
    return groups.filter { group in tasks.allSatisfy { $0.group != group || $0.outcomes.trials == 0 } }
      .map { $0.isEmpty ? "other tasks" : $0 }
  }

  /// In the order of the plan.
  public var tasks: [Task]
  /// Over episodes, over tasks, and over tiers where tasks have groups; empty without outcomes.
  public var means: [Mean]
  /// Longest first.
  public var latencies: [Latency]
  /// `nil` when no step says how confident the model was, or when all say the same, as an expert does: that tells nothing apart.
  public var confidence: Confidence?
  /// Episodes of the plan.
  public var planned: Int
  /// Episodes that ran to their end.
  public var finished: Int
  /// Attempts that the simulator lost, of abandoned episodes too.
  public var lost: Int
  /// Episodes given up after too many lost attempts: a fault of the simulator, which no rate counts.
  public var abandoned: Int

  /// Control steps that began after their time, as a share of all; `nil` without steps, 0 in lockstep.
  public var lateShare: Double?

  /// Policy steps a second: 1000 over the median time between two; `nil` before the second policy step of an episode.
  public var controlRate: Double?
  /// The 99th percentile of the time between policy steps, milliseconds.
  public var p99Period: Double?

  /// Reads a run.
  ///
  /// - Throws: ``RunDatabaseError`` `.storage`.
  public init(_ database: RunDatabase) throws(RunDatabaseError) {
    self.init(try RunTally(database))
  }

  /// Sums up the episodes so far.
  public init(_ tally: RunTally) {
    let outcomes = tally.episodes.map(\.record)
    let plan = tally.configuration.episodes
    planned = plan.count
    finished = outcomes.count
    lost = tally.lost
    abandoned = tally.abandoned
    let steps = outcomes.reduce(0) { $0 &+ $1.steps }
    lateShare = steps > 0 ? Double(outcomes.reduce(0) { $0 &+ $1.lateSteps }) / Double(steps) : nil
    tasks = Self.tasks(plan, outcomes, tally.isSuccess)
    means = Self.means(tasks)
    latencies = tally.meter.latencies
    confidence = tally.meter.confidence
    controlRate = tally.meter.controlRate
    p99Period = tally.meter.p99Period
  }

  private static func tasks(
    _ plan: [RunConfiguration.Episode], _ outcomes: [EpisodeRecord], _ isSuccess: (EpisodeRecord) -> Bool
  ) -> [Task] {
    var names: [String] = []
    var groups: [String: String] = [:]
    for episode in plan where groups.updateValue(episode.group, forKey: episode.task) == nil {
      names.append(episode.task)
    }
    let byTask = Dictionary(grouping: outcomes, by: \.episode.task)
    return names.compactMap { name in
      let episodes = byTask[name] ?? []
      guard let proportion = Proportion(successes: episodes.count(where: isSuccess), of: episodes.count) else {
        return nil
      }
      let steps = episodes.reduce(0) { $0 &+ $1.steps }
      return Task(
        name: name, group: groups[name] ?? "", outcomes: proportion, interval: proportion.clopperPearsonInterval(),
        medianStepsToSuccess: Percentile.median(of: episodes.compactMap { $0.stepsToSuccess.map(Double.init) }),
        medianPathLength: Percentile.median(of: episodes.compactMap(\.pathLength)),
        medianJerk: Percentile.median(of: episodes.compactMap(\.meanJerk)),
        limitedShare: steps > 0 ? Double(episodes.reduce(0) { $0 &+ $1.limitedActions }) / Double(steps) : nil,
        heldShare: steps > 0 ? Double(episodes.reduce(0) { $0 &+ $1.heldSteps }) / Double(steps) : nil,
        successesAtEnd: episodes.count(where: \.successAtEnd))
    }
  }

  private static func means(_ tasks: [Task]) -> [Mean] {
    let tried = tasks.filter { $0.outcomes.trials > 0 }
    let proportions = tried.map(\.outcomes)
    guard let all = StratifiedMean(proportions.map { .init($0, weight: Double($0.trials)) }),
      let overTasks = StratifiedMean(overTasks: proportions)
    else { return [] }
    func mean(_ name: String, _ mean: StratifiedMean, isGroup: Bool = false) -> Mean {
      Mean(
        name: name, rate: mean.rate, interval: mean.interval(), method: mean.intervalMethod.description,
        isGroup: isGroup)
    }
    var means = [mean("mean over episodes", all)]
    if tried.contains(where: { $0.outcomes.trials != proportions[0].trials }) {
      means.append(mean("mean over tasks", overTasks))
    }
    var tiers: [(name: String, outcomes: [Proportion])] = []
    for task in tried {
      if let place = tiers.firstIndex(where: { $0.name == task.group }) {
        tiers[place].outcomes.append(task.outcomes)
      } else {
        tiers.append((task.group, [task.outcomes]))
      }
    }
    guard tiers.count > 1, let overTiers = StratifiedMean(overTiers: tiers.map(\.outcomes)) else { return means }
    means.append(mean("mean over \(tiers.count) groups", overTiers))
    for tier in tiers {
      if let tierMean = StratifiedMean(overTasks: tier.outcomes) {
        means.append(mean(tier.name.isEmpty ? "other tasks" : tier.name, tierMean, isGroup: true))
      }
    }
    return means
  }
}
