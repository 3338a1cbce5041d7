import RobotInterface

/// How often a session that asks far faster than it is answered gets a step of the policy.
///
/// A robot executes at most a command a control period. One whose observations displace each other by the dozen has no use for more than a
/// step a period, and would otherwise always have one waiting: then every other robot that asks finds the policy busy. A robot that waits
/// for its answers displaces nothing, and is never held back.
package struct SessionPace: Sendable {
  /// Displaced observations within a window that are nobody's hurry.
  package static let patience = 8
  /// Nanoseconds over which they are counted, and for how long a session then counts as one in a hurry.
  package static let window: UInt64 = 1_000_000_000

  private var windowBegan: UInt64 = 0
  private var displaced = 0
  private var hurriesUntil: UInt64 = 0
  private var steppedAt: UInt64?

  /// Takes note that a newer observation has displaced one that waited.
  mutating func displace(at now: UInt64) {
    if now &- windowBegan >= Self.window { (windowBegan, displaced) = (now, 0) }
    displaced += 1
    if displaced > Self.patience { hurriesUntil = now &+ Self.window }
  }

  /// Takes note that a step has begun.
  mutating func step(at now: UInt64) { steppedAt = now }

  /// When the next step may begin, where that is later than `now`.
  ///
  /// - Parameter period: nanoseconds of a control period.
  func pause(period: UInt64, at now: UInt64) -> UInt64? {
    guard now < hurriesUntil, let steppedAt, now &- steppedAt < period else { return nil }
    return steppedAt &+ period
  }
}

extension ControlCore {
  /// Takes note that a newer observation of the session has displaced one that waited.
  mutating func noteHaste(of session: String, at now: UInt64) {
    sessions[session]?.pace.displace(at: now)
    hasteUntil = now &+ SessionPace.window
  }

  /// When a session that is in a hurry may have its next step, or the next observation decoded for it; `nil`: now.
  func pause(of session: String, at now: UInt64) -> UInt64? {
    sessions[session]?.pace.pause(period: controlPeriod, at: now)
  }

  /// Sessions with an observation that waits only for its own pace.
  func paused(at now: UInt64) -> Set<String> {
    guard now < hasteUntil else { return [] }
    return Set((decoding.observations.sessions + observations.sessions).filter { pause(of: $0, at: now) != nil })
  }

  /// When the first of those may go on; `nil` when there is none. Nobody else would wake the threads then.
  package func nextPause(at now: UInt64) -> UInt64? {
    guard now < hasteUntil else { return nil }
    return (decoding.observations.sessions + observations.sessions).compactMap { pause(of: $0, at: now) }.min()
  }

  /// Nanoseconds of a control period, at most a second; of a policy without a rate, a twentieth.
  static func controlPeriod(of capabilities: Capabilities) -> UInt64 {
    let rate = capabilities.controlRate
    return rate > 0 && rate.isFinite ? UInt64(min(1e9, 1e9 / rate)) : 50_000_000
  }
}
