import Foundation

/// How fast a task goes and how long it may still take, as a line for people.
public struct TaskPace: Sendable {
  private struct Moment: Sendable {
    var progress: TaskProgress
    var seconds: Double
  }

  private var first: Moment?
  private var last: Moment?

  /// Begins without any progress.
  public init() {}

  /// Takes progress into account.
  ///
  /// - Parameters:
  ///   - progress: a smaller count than before, or another unit, begins anew.
  ///   - seconds: when, on any clock that does not run backwards.
  public mutating func record(_ progress: TaskProgress, at seconds: Double) {
    let moment = Moment(progress: progress, seconds: seconds)
    if let last, last.progress.unit == progress.unit, last.progress.done < progress.done {
      self.last = moment
    } else {
      (first, last) = (moment, moment)
    }
  }

  /// Tokens (or options) a second; `nil` before there are two. The first one's time is not counted: it includes the encoder's.
  public var rate: Double? {
    guard let first, let last, last.progress.done > first.progress.done, last.seconds > first.seconds else {
      return nil
    }
    return Double(last.progress.done - first.progress.done) / (last.seconds - first.seconds)
  }

  /// Seconds until the end; for tokens the most it can take.
  public var remaining: Double? {
    guard let rate, let progress = last?.progress else { return nil }
    return Double(max(progress.total - progress.done, 0)) / rate
  }

  /// `█████░░░░░ 128/256 tokens  41.3 tokens/s  at most 3.1 s left`, cut to `width` characters; empty before any progress.
  public func line(width: Int = .max) -> String {
    guard let progress = last?.progress else { return "" }
    let isBound = progress.unit == .tokens
    let share = Double(progress.done) / Double(max(progress.total, 1))
    let full = min(max(Int(share * Double(Self.cells)), 0), Self.cells)
    let bar = String(repeating: "█", count: full) + String(repeating: "░", count: Self.cells - full)
    var parts = ["\(bar) \(progress.done)/\(progress.total) \(progress.unit.rawValue)"]
    if let rate { parts.append(String(format: "%.1f", rate) + " \(progress.unit.rawValue)/s") }
    if let remaining { parts.append((isBound ? "at most " : "") + String(format: "%.1f", remaining) + " s left") }
    return String(parts.joined(separator: "  ").prefix(max(width, 0)))
  }

  /// Characters of the bar.
  private static let cells = 20
}
