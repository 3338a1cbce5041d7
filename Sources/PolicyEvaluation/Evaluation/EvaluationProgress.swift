import Foundation
public import RunDatabase
import Reporting

/// What a person sees while episodes run: tasks, episode, step, success so far, control rate and the time that is left, as text.
public struct EvaluationProgress: Sendable {
  /// Periods over which the shown control rate is the median: a second or two.
  static let window = 32

  /// A silence is worth a word after this long.
  static let patience: Duration = .seconds(5)

  /// What one worker is doing.
  private struct Place {
    var task: String
    var step = 0
    var silence: Duration = .zero
  }

  private let total: Int
  private let rule: RunConfiguration.SuccessRule
  /// Episodes that are settled, those of earlier processes included.
  private var settled: Int
  private var finished: Int
  private var successes: Int
  private var settledNow = 0
  private var places: [Int: Place] = [:]
  private var recent: [Double] = []

  /// - Parameters:
  ///   - configuration: gives the plan and the rule of success.
  ///   - outcomes: those of the run so far.
  public init(_ configuration: RunConfiguration, outcomes: [EpisodeRecord] = []) {
    total = configuration.episodes.count
    rule = configuration.subject.success
    settled = outcomes.count
    finished = outcomes.count { $0.state == .finished }
    successes = 0
    successes = outcomes.count { $0.isSuccess(by: configuration.subject.success) }
  }

  /// Takes the next event into account.
  ///
  /// - Returns: the line that stays; `nil`: none.
  public mutating func record(_ event: Evaluation.Event) -> String? {
    switch event {
    case .ready(let worker): places[worker.worker]?.silence = .zero
    case .began(let episode, let worker): places[worker] = Place(task: episode.task)
    case .stepped(let step, let worker):
      places[worker]?.step = step.step
      places[worker]?.silence = .zero
      if let period = step.period {
        if recent.count == Self.window { recent.removeFirst() }
        recent.append(period)
      }
    case .silence(let duration, let worker): places[worker]?.silence = duration
    case .said: break
    case .recorded(let record, _):
      places[record.worker] = nil
      if record.state != .lost {
        settled += 1
        settledNow += 1
      }
      if record.state == .finished { finished += 1 }
      if record.isSuccess(by: rule) { successes += 1 }
      return summary(of: record)
    }
    return nil
  }

  /// The live line: `push-v3  episode 3/10  step 41  success 2/2 (100 %)  24.3 Hz`, cut to `width` characters.
  ///
  /// - Parameter elapsed: since the first event; gives the time that is left.
  public func line(width: Int = .max, elapsed: Duration = .zero) -> String {
    let workers = places.sorted { $0.key < $1.key }.map(\.value)
    let silence = workers.map(\.silence).max() ?? .zero
    let silenceText = silence < Self.patience ? "" : "  (nothing for \(Int(silence / .seconds(1))) s)"
    guard !workers.isEmpty else { return String(("waiting for the robot" + silenceText).prefix(max(0, width))) }
    var parts = [workers.map(\.task).joined(separator: ", "), "episode \(min(settled + 1, total))/\(total)"]
    if let only = workers.first, workers.count == 1 { parts.append("step \(only.step)") }
    parts.append(successText)
    if let rate = controlRate { parts.append("\(TextTable.number(rate)) Hz") }
    if settledNow > 0, elapsed > .zero {
      parts.append(Self.time(elapsed / settledNow * max(0, total - settled)) + " left")
    }
    return String((parts.joined(separator: "  ") + silenceText).prefix(max(0, width)))
  }

  /// The line that stays: `push-v3  episode 4/10  seed 7  solved in 88 steps  1.9 s  success 3/3 (100 %)  24.3 Hz`.
  private func summary(of record: EpisodeRecord) -> String {
    var parts = [record.episode.task]
    if record.state != .lost { parts.append("episode \(settled)/\(total)") }
    parts.append("seed \(record.episode.seed)")
    switch record.state {
    case .lost:
      return (parts + ["attempt \(record.attempt) lost, tried again: \(record.reason)"]).joined(separator: "  ")
    case .abandoned:
      return (parts + ["given up after \(record.attempt) attempts: \(record.reason)"]).joined(separator: "  ")
    case .finished: break
    }
    parts.append("\(record.isSuccess(by: rule) ? "solved" : "not solved") in \(record.steps) steps")
    parts.append("\(TextTable.number(record.wallSeconds)) s")
    if record.limitedActions > 0 { parts.append("\(record.limitedActions) limited") }
    if record.heldSteps > 0 { parts.append("\(record.heldSteps) held") }
    parts.append(successText)
    if let rate = controlRate { parts.append("\(TextTable.number(rate)) Hz") }
    return parts.joined(separator: "  ")
  }

  private var successText: String {
    guard finished > 0 else { return "success –" }
    return "success \(successes)/\(finished) (\(TextTable.percent(Double(successes) / Double(finished))))"
  }

  private var controlRate: Double? {
    guard let median = Percentile.median(of: recent), median > 0 else { return nil }
    return 1000 / median
  }

  private static func time(_ duration: Duration) -> String {
    let seconds = duration / .seconds(1)
    if seconds < 90 { return String(format: "%.0f s", seconds) }
    return seconds < 5400 ? String(format: "%.0f min", seconds / 60) : String(format: "%.1f h", seconds / 3600)
  }
}
