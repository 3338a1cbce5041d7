import RobotInterface

/// The offset between a robot's clock and the daemon's, as an interval in which it certainly lies.
///
/// Both clocks count nanoseconds from a zero of their own, so that daemon time = robot time + offset.
/// A message arrives after it has left, which bounds the offset from above. A reply that the robot has received left before it
/// arrived there, which bounds the offset from below. A delay loosens a bound and never makes it wrong.
///
/// The clocks also drift, so both ends move outwards by ``drift(over:)``. A bound of two minutes ago is worth 120 ms less than a new one, so
/// the interval always rests on the last minutes and no old message has to be kept.
package struct ClockOffset: Sendable, Hashable {
  /// Nanoseconds at ``time``; `nil` until the robot has echoed a reply.
  private var lower: Int128?
  /// Nanoseconds at ``time``; `nil` until a message has arrived.
  private var upper: Int128?
  /// Nanoseconds on the daemon's clock.
  private var time: UInt64 = 0
  /// Nanoseconds on the daemon's clock: when the reply left that ``lower`` comes from.
  private var echoedAt: UInt64 = 0

  /// Nothing is known.
  package init() {}

  /// By how much the offset may change, in nanoseconds, at most: 1 ms a second. Two oscillators differ by 200 ppm at most, and a clock
  /// that is being corrected may run 500 ppm too fast or too slow.
  package static func drift(over elapsed: UInt64) -> Int128 { Int128(elapsed / 1000) + (elapsed % 1000 == 0 ? 0 : 1) }

  /// Where the offset lies at `now`, which is not before the last message.
  package func bounds(at now: UInt64) -> (lower: Int128?, upper: Int128?) {
    let drift = Self.drift(over: now > time ? now - time : 0)
    return (lower.map { $0 - drift }, upper.map { $0 + drift })
  }

  /// How much the lower bound has lost at `now`, in nanoseconds, since the reply left that it comes from: the greatest possible age may be
  /// that much too great. 0 when there is no lower bound.
  package func doubt(at now: UInt64) -> UInt64 {
    lower == nil ? 0 : UInt64(clamping: Self.drift(over: now > echoedAt ? now - echoedAt : 0))
  }

  /// Takes in what a message tells.
  ///
  /// - Parameters:
  ///   - sentAt: robot clock, when the message left.
  ///   - arrivedAt: daemon clock, when it was received; not before the last one.
  ///   - echo: what the message says about the last reply.
  /// - Returns: whether this agrees with what was known. It does not when a clock has jumped; then all is forgotten except this arrival.
  package mutating func narrow(sentAt: UInt64, arrivedAt: UInt64, echo: ClockEcho? = nil) -> Bool {
    var (lower, upper) = bounds(at: arrivedAt)
    let above = Int128(arrivedAt) - Int128(sentAt)
    upper = min(upper ?? above, above)
    if let echo {
      let elapsed = arrivedAt > echo.replySentAt ? arrivedAt - echo.replySentAt : 0
      let below = Int128(echo.replySentAt) - Int128(echo.replyReceivedAt) - Self.drift(over: elapsed)
      if below >= lower ?? below { (lower, echoedAt) = (below, echo.replySentAt) }
    }
    // A reply cannot have left later than now.
    let agrees = (lower ?? .min) <= (upper ?? .max) && (echo?.replySentAt ?? 0) <= arrivedAt
    (self.lower, self.upper, time) = agrees ? (lower, upper, arrivedAt) : (nil, above, arrivedAt)
    return agrees
  }

  /// How old an observation is at `now`, in nanoseconds on the clock that the robot named.
  ///
  /// Of a robot that has echoed a reply this is the greatest possible age: the time in the wire and in ZeroMQ's queues counts, wherever
  /// it was spent. Of a robot that has not, a delay counts as far as it exceeds that of its fastest message; what all its messages have
  /// in common cannot be seen. With a simulated clock it is the age on departure, for nothing moves while the daemon computes.
  ///
  /// - Parameter receivedAt: daemon clock, when the observation arrived.
  package func age(of observation: Observation, receivedAt: UInt64, at now: UInt64) -> UInt64 {
    let capturedAt = Int128(observation.oldestCapture)
    let onDeparture = Int128(observation.sentAt) - capturedAt
    guard observation.clock == .monotonic else { return UInt64(clamping: onDeparture) }
    let sinceArrival = Int128(now) - Int128(receivedAt)
    guard let lower else {
      let delay = upper.map { Int128(receivedAt) - Int128(observation.sentAt) - $0 } ?? 0
      return UInt64(clamping: onDeparture + max(0, delay) + sinceArrival)
    }
    let sinceCapture = max(Int128(now) - capturedAt - lower, onDeparture + sinceArrival)
    // `lower` holds at `time`, which lies between the capture and now: the drift over the whole age covers both sides.
    return UInt64(clamping: sinceCapture + Self.drift(over: UInt64(clamping: sinceCapture)))
  }
}
