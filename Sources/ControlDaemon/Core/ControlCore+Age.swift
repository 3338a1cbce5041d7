import RobotInterface

/// How old an observation is: looked at when it arrives, when the policy turns to it, and when its commands leave.
extension ControlCore {
  /// Takes in what an observation tells of its robot's clock.
  ///
  /// - Throws: `.staleObservation` when it contradicts what the session's messages told before: then no age can be trusted.
  mutating func compareClocks(_ observation: Observation, _ ticket: Ticket) throws(RobotError) {
    // A simulator's clock has nothing to do with ours.
    guard observation.clock == .monotonic else { return }
    let agrees = sessions[ticket.session]?.clock.narrow(
      sentAt: observation.sentAt, arrivedAt: ticket.receivedAt, echo: observation.echo)
    guard agrees != false else {
      throw RobotError(
        .staleObservation, "observation.sent_at",
        "the robot's clock has jumped against the daemon's, so that nobody knows how old this observation is; use a monotonic clock, "
          + "and observe again")
    }
  }

  /// The age of an observation, in nanoseconds on the clock that the robot named.
  ///
  /// - Throws: `.staleObservation` when that is more than the policy allows: the robot has moved on since.
  func checkedAge(of observation: Observation, _ ticket: Ticket, at now: UInt64) throws(RobotError) -> UInt64 {
    let clock = sessions[ticket.session]?.clock ?? ClockOffset()
    let age = clock.age(of: observation, receivedAt: ticket.receivedAt, at: now)
    guard let limit = capabilities.limits.maximumObservationAge, age > limit else { return age }
    let milliseconds = (age: age / 1_000_000, limit: limit / 1_000_000)
    let doubt = observation.clock == .monotonic ? clock.doubt(at: now) : 0
    guard doubt <= age, age - doubt <= limit else {
      throw RobotError(
        .staleObservation, "observation.captured_at",
        "the observation is \(milliseconds.age) ms old, at most \(milliseconds.limit) ms are allowed; observe again")
    }
    throw RobotError(
      .staleObservation, "observation.echo",
      "the observation may be \(milliseconds.age) ms old, at most \(milliseconds.limit) ms are allowed, and "
        + "\(doubt / 1_000_000) ms of that is what nobody knows of the robot's clock, because the last reply that it has echoed is "
        + "old; say hello, and observe again")
  }
}
