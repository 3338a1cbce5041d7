/// What a rollout came to: every episode, success by task with its uncertainty, control rate and latency.
///
/// Feed it every event in order; it may be read at any time, so that an interrupted rollout still has a report.
public struct RolloutReport: Sendable {
  /// The outcome of one episode, with the sentence that the policy was given.
  public struct Episode: Sendable, Hashable {
    /// How it ended.
    public var end: RolloutEvent.EpisodeEnd
    /// The instruction; empty when the robot did not say.
    public var instruction: String
    /// Policy steps a second: the median of this episode; `nil` when it had fewer than two policy steps.
    public var controlRate: Double?
  }

  /// Successes among the episodes of one task, or of all.
  public struct Success: Sendable, Hashable {
    /// Episodes that ended.
    public var episodes = 0
    /// Those that succeeded.
    public var successes = 0

    /// The share of successes, 0...1; `nil` when there was no episode.
    public var rate: Double? { episodes == 0 ? nil : Double(successes) / Double(episodes) }

    /// Wilson's interval at 95 %; `nil` when there was no episode.
    public var interval: ClosedRange<Double>? {
      episodes == 0 ? nil : Statistics.wilsonInterval(successes: successes, of: episodes)
    }

    mutating func count(_ success: Bool) {
      episodes += 1
      successes += success ? 1 : 0
    }
  }

  /// Median and 99th percentile of a duration in milliseconds, both by nearest rank.
  public struct Spread: Sendable, Hashable {
    /// Half of the measurements are not longer.
    public var median: Double
    /// 99 of 100 are not longer.
    public var p99: Double
  }

  /// The stages of a policy step in the order in which a table shows them; others follow by name.
  public static let stageOrder = [
    "render", "round_trip", "queue", "decode", "preprocess", "vision", "encode", "generate", "post", "simulate",
  ]

  /// What was asked for and what it ran on.
  public let run: RolloutRun
  /// Whether all that was planned has been flown.
  public var state = RolloutRun.State.unfinished
  /// In the order in which they ended.
  public private(set) var episodes: [Episode] = []
  /// What the robot said about policy and protocol at the start.
  public private(set) var ready: RolloutEvent.Ready?
  /// The largest resident memory of the process that ran the model, in bytes, when the caller measured it.
  public var peakMemory: Int?

  private var periods: [Double] = []
  private var episodePeriods: [Double] = []
  private var latencies: [String: [Double]] = [:]
  private var instruction = ""

  /// Creates a report of a run that begins.
  public init(_ run: RolloutRun) { self.run = run }

  /// Takes the next event into account.
  public mutating func record(_ event: RolloutEvent) {
    switch event {
    case .ready(let ready):
      self.ready = ready
    case .episodeStart(let start):
      instruction = start.instruction
      episodePeriods = []
    case .step(let step):
      if let period = step.period {
        periods.append(period)
        episodePeriods.append(period)
      }
      for (stage, value) in step.latency { latencies[stage, default: []].append(value) }
    case .episodeEnd(let end):
      episodes.append(Episode(end: end, instruction: instruction, controlRate: Self.rate(episodePeriods)))
      episodePeriods = []
      instruction = ""
    case .failed, .done:
      break
    }
  }

  /// Over all tasks.
  public var overall: Success {
    episodes.reduce(into: Success()) { $0.count($1.end.success) }
  }

  /// By task, in the order in which the tasks were flown.
  public var tasks: [(name: String, success: Success)] {
    var order: [String] = []
    var counts: [String: Success] = [:]
    for episode in episodes {
      if counts[episode.end.task] == nil { order.append(episode.end.task) }
      counts[episode.end.task, default: Success()].count(episode.end.success)
    }
    return order.map { ($0, counts[$0] ?? Success()) }
  }

  /// Policy steps a second: 1000 over the median period; `nil` before the second policy step of an episode.
  public var controlRate: Double? { Self.rate(periods) }

  /// The 99th percentile of the time between policy steps, milliseconds.
  public var p99Period: Double? { Statistics.percentile(99, of: periods) }

  /// By stage, in the order of ``stageOrder``.
  public var latency: [(stage: String, spread: Spread)] {
    let known = Self.stageOrder.filter { latencies[$0] != nil }
    let others = latencies.keys.filter { !Self.stageOrder.contains($0) }.sorted()
    return (known + others).compactMap { stage in
      guard let values = latencies[stage], let median = Statistics.median(of: values),
        let p99 = Statistics.percentile(99, of: values)
      else { return nil }
      return (stage, Spread(median: median, p99: p99))
    }
  }

  /// One film for each task that has any: of its first success, else of its first episode.
  public var videos: [(task: String, path: String)] {
    tasks.compactMap { task in
      let films = episodes.map(\.end).filter { $0.task == task.name && $0.video != nil }
      guard let path = (films.first(where: \.success) ?? films.first)?.video else { return nil }
      return (task.name, path)
    }
  }

  private static func rate(_ periods: [Double]) -> Double? {
    guard let median = Statistics.median(of: periods), median > 0 else { return nil }
    return 1000 / median
  }
}
