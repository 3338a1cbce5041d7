/// What a person sees while a rollout runs: task, episode, step, success so far and control rate, as text.
public struct RolloutProgress: Sendable {
  /// Periods over which the shown control rate is the median: a second or two.
  static let window = 32

  /// A silence is worth a word after this long.
  static let patience: Duration = .seconds(5)

  private var start: RolloutEvent.EpisodeStart?
  private var silence: Duration = .zero
  private var step: RolloutEvent.Step?
  private var overall = RolloutReport.Success()
  private var recent: [Double] = []

  /// Begins without any episode.
  public init() {}

  /// Takes the next event into account.
  public mutating func record(_ event: RolloutEvent) {
    silence = .zero
    switch event {
    case .episodeStart(let start):
      self.start = start
      step = nil
    case .step(let step):
      self.step = step
      if let period = step.period {
        if recent.count == Self.window { recent.removeFirst() }
        recent.append(period)
      }
    case .episodeEnd(let end):
      overall.count(end.success)
    case .ready, .failed, .done:
      break
    }
  }

  /// Takes into account for how long the robot has reported nothing.
  public mutating func record(silence: Duration) { self.silence = silence }

  /// The live line: `push-v3  episode 3/10  step 41  success 2/2 (100 %)  24.3 Hz`, cut to `width` characters.
  public func line(width: Int = .max) -> String {
    guard let start else { return String(("waiting for the robot" + silenceText).prefix(max(0, width))) }
    var parts = [start.task, "episode \(start.index + 1)/\(start.total)", "step \(step?.step ?? 0)", successes]
    if let rate = controlRate { parts.append("\(TextTable.number(rate)) Hz") }
    return String((parts.joined(separator: "  ") + silenceText).prefix(max(0, width)))
  }

  /// The line that stays when an episode has ended: `push-v3  seed 7  success after 88 steps  1.9 s  success 3/3 (100 %)  24.3 Hz`.
  public func summary(of end: RolloutEvent.EpisodeEnd) -> String {
    var parts = [end.task]
    if let start, start.task == end.task { parts.append("episode \(start.index + 1)/\(start.total)") }
    parts.append("seed \(end.seed)")
    parts.append(end.success ? "solved in \(end.steps) steps" : "not solved in \(end.steps) steps")
    parts.append("\(TextTable.number(end.wallSeconds)) s")
    if end.limitedActions > 0 { parts.append("\(end.limitedActions) limited") }
    if end.heldSteps > 0 { parts.append("\(end.heldSteps) held") }
    parts.append(successes)
    if let rate = controlRate { parts.append("\(TextTable.number(rate)) Hz") }
    return parts.joined(separator: "  ")
  }

  private var silenceText: String {
    silence < Self.patience ? "" : "  (nothing for \(Int(silence / .seconds(1))) s)"
  }

  private var successes: String {
    guard let rate = overall.rate else { return "success –" }
    return "success \(overall.successes)/\(overall.episodes) (\(TextTable.percent(rate)))"
  }

  private var controlRate: Double? {
    guard let median = Statistics.median(of: recent), median > 0 else { return nil }
    return 1000 / median
  }
}
