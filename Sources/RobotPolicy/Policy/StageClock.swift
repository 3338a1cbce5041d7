package import RobotInterface

/// Times stages that follow each other.
package struct StageClock: ~Copyable {
  private let clock = ContinuousClock()
  private var last: ContinuousClock.Instant

  package init() {
    last = clock.now
  }

  /// Books the time since the last call on a stage.
  package mutating func finish(_ stage: Stage, in timings: inout StageTimings) {
    let now = clock.now
    timings[stage] += (now - last).wholeNanoseconds
    last = now
  }

  /// Passes over the time since the last call, which someone else has booked.
  package mutating func skip() { last = clock.now }
}

extension Duration {
  /// Nanoseconds, 0 for negative durations; more than five centuries do not count.
  package var wholeNanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    let capped = UInt64(min(seconds, Int64(UInt64.max / 1_000_000_000 - 1)))
    return capped * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
  }
}
