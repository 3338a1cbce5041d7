import RobotInterface
import UnifiedIO

/// When a generation's progress is worth a report, and what stands in it. The clock is the caller's.
package struct ProgressMeter: Sendable {
  /// Nanoseconds.
  private let interval: UInt64
  private var pace = TaskPace()
  private var lastReport: UInt64?

  /// - Parameter interval: nanoseconds from one report to the next, at least.
  package init(interval: UInt64) { self.interval = interval }

  /// Takes a token into account; the first one is reported at once.
  ///
  /// - Parameters:
  ///   - tokens: said so far; 0 is no progress yet.
  ///   - now: nanoseconds.
  ///   - text: made only for a report.
  package mutating func record(
    tokens: Int, limit: Int, at now: UInt64, text: () -> String
  ) -> GenerationProgress? {
    guard tokens > 0 else { return nil }
    pace.record(TaskProgress(unit: .tokens, done: tokens, total: limit), at: Double(now) / 1e9)
    if let lastReport, now &- lastReport < interval { return nil }
    lastReport = now
    // Within what 64 bits hold; less than a nanosecond is not known.
    let remaining = pace.remaining.flatMap { UInt64(exactly: min($0 * 1e9, 1e18).rounded()) }
    return GenerationProgress(
      tokens: tokens, limit: limit, tokensPerSecond: pace.rate, remaining: remaining == 0 ? nil : remaining,
      text: text())
  }
}
