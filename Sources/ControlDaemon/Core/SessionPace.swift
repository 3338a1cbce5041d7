import RobotInterface

/// How often a session that asks far faster than it is answered gets a step of the policy.
///
/// A robot executes at most a command a control period, and is given a chunk of them. One whose observations displace each other by the dozen
/// gets its next step when three quarters of a chunk's time are over (``ControlCore/pace(of:)``): it never runs out of commands, and more it
/// could not execute. It would otherwise always have an observation waiting: then every other robot that asks finds the policy busy, and where
/// a step takes as long as a few commands, the line grows. A robot that waits for its answers displaces nothing, and is never held back.
///
/// One whose observations displace each other by the hundred is no robot in a hurry, but something that has gone wrong: it gets a step a
/// ``floodPace``, runs out of commands, and is told so, until a second has passed in which it was calmer.
package struct SessionPace: Sendable {
  /// Displaced observations within a window that are nobody's hurry.
  package static let patience = 8
  /// Nanoseconds over which they are counted, and for how long a session then counts as one in a hurry.
  package static let window: UInt64 = 1_000_000_000
  /// Nanoseconds from one step to the next of a session that floods.
  package static let floodPace: UInt64 = 250_000_000

  private var windowBegan: UInt64 = 0
  private var displaced = 0
  private var hurriesUntil: UInt64 = 0
  private var floodsUntil: UInt64 = 0
  private var steppedAt: UInt64?

  /// Takes note that a newer observation has displaced one that waited.
  ///
  /// - Parameter floodLimit: displaced observations within a window that are still a hurry, and no flood.
  mutating func displace(floodLimit: Int, at now: UInt64) {
    if now &- windowBegan >= Self.window { (windowBegan, displaced) = (now, 0) }
    displaced += 1
    if displaced > Self.patience { hurriesUntil = now &+ Self.window }
    if displaced > floodLimit { floodsUntil = now &+ Self.window }
  }

  /// Whether it gets a step a ``floodPace`` at most.
  func floods(at now: UInt64) -> Bool { now < floodsUntil }

  /// Takes note that a step has begun.
  mutating func step(at now: UInt64) { steppedAt = now }

  /// When the next step may begin, where that is later than `now`.
  ///
  /// - Parameter pace: nanoseconds from one step to the next.
  func pause(pace: UInt64, at now: UInt64) -> UInt64? {
    let pace = floods(at: now) ? max(pace, Self.floodPace) : pace
    guard now < hurriesUntil, let steppedAt, now &- steppedAt < pace else { return nil }
    return steppedAt &+ pace
  }
}

extension ControlCore {
  /// Answers an observation that a newer one of its session has displaced, and takes note of the haste.
  mutating func supersede(_ ticket: Ticket, at now: UInt64) {
    sessions[ticket.session]?.pace.displace(floodLimit: floodLimit, at: now)
    hasteUntil = now &+ SessionPace.window
    let floods = sessions[ticket.session]?.pace.floods(at: now) ?? false
    answer(ticket, .error(floods ? Self.flood(floodLimit) : Self.superseded), at: now)
  }

  /// What a session is told that floods.
  private static func flood(_ limit: Int) -> RobotError {
    RobotError(
      .superseded, "request",
      "a newer request of the same session took its place, as of more than \(limit) within a second; until it asks less often, the "
        + "session gets a step of the policy every \(SessionPace.floodPace / 1_000_000) ms")
  }

  /// When a session that is in a hurry may have its next step, or the next observation decoded for it; `nil`: now.
  func pause(of session: String, at now: UInt64) -> UInt64? {
    holdsBack ? sessions[session]?.pace.pause(pace: pace, at: now) : nil
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

  /// Displaced observations of a session within ``SessionPace/window`` that are no flood: a robot that sends four for each command period, and
  /// two hundred whatever its rate, has some reason.
  package static func floodLimit(of capabilities: Capabilities) -> Int {
    let rate = capabilities.controlRate
    return max(200, rate.isFinite ? Int(min(1e6, 4 * rate)) : 0)
  }

  /// Nanoseconds from one step of a session in a hurry to the next: three quarters of the time that a whole chunk's commands last, but no
  /// less than a control period and no more than a second. A policy without a rate is taken to have 20 Hz.
  package static func pace(of capabilities: Capabilities) -> UInt64 {
    let rate = capabilities.controlRate
    let period = rate > 0 && rate.isFinite ? 1e9 / rate : 5e7
    return UInt64(min(1e9, max(period, 0.75 * period * Double(max(1, capabilities.chunkLength)))))
  }
}
