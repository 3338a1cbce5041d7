import Reporting
public import RunDatabase

/// What the episodes of a run come to, one after the other: feed it every attempt with its steps, and read it at any time.
public struct RunTally: Sendable {
  /// An episode that ran to its end.
  public struct Episode: Sendable, Hashable {
    /// How it went.
    public var record: EpisodeRecord
    /// Policy steps a second: the median of this episode; `nil` when it had fewer than two policy steps.
    public var controlRate: Double?
  }

  /// What the run evaluates.
  public let configuration: RunConfiguration
  /// In the order in which they were taken in.
  public private(set) var episodes: [Episode] = []
  /// Attempts that the simulator lost, of abandoned episodes too.
  public private(set) var lost = 0
  /// Episodes given up after too many lost attempts.
  public private(set) var abandoned = 0
  private(set) var meter = StepMeter()

  /// Begins without any episode.
  public init(_ configuration: RunConfiguration) { self.configuration = configuration }

  /// Takes in what a run has recorded, in the order of its plan.
  ///
  /// - Throws: ``RunDatabaseError`` `.storage`, `.notARun`.
  public init(_ database: RunDatabase) throws(RunDatabaseError) {
    self.init(database.configuration)
    for attempt in try database.attempts() {
      add(attempt, steps: attempt.state == .finished ? try database.steps(of: attempt) : [])
    }
  }

  /// Takes in an attempt.
  public mutating func add(_ attempt: EpisodeRecord, steps: [StepRecord]) {
    guard attempt.state == .finished else {
      lost += 1
      if attempt.state == .abandoned { abandoned += 1 }
      return
    }
    meter.add(steps, success: isSuccess(attempt))
    episodes.append(Episode(record: attempt, controlRate: StepMeter.rate(steps.compactMap(\.period))))
  }

  /// Whether an attempt counts as a success by the suite's rule.
  public func isSuccess(_ attempt: EpisodeRecord) -> Bool { attempt.isSuccess(by: configuration.subject.success) }

  /// The share of episodes that succeeded; `nil` without any.
  public var successRate: Double? {
    Proportion(successes: episodes.count { isSuccess($0.record) }, of: episodes.count)?.rate
  }
}
