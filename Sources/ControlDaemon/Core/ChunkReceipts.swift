import RobotInterface

/// Which chunks of an episode left when, and which of them its robot is known to have.
struct ChunkReceipts: Sendable {
  private struct Departure: Sendable {
    var number: Int
    /// Nanoseconds on the daemon's clock: when the chunk was made, or left.
    var time: UInt64
    var hasLeft = false
  }

  /// Echoes of chunks before so many are not known any more: the robot is then not known to have them.
  private static let capacity = 32

  /// The newest last, from the one on that the robot is known to have.
  private var departures: [Departure] = []
  /// The newest chunk that the robot is known to have; 0: none.
  private var known = 0

  /// Whether an observation left its robot before the robot had the last chunk, as far as can be told: it came before the chunk left, which
  /// it may not have done yet, or echoes an earlier reply.
  func isAhead(_ observation: Observation, receivedAt: UInt64) -> Bool {
    guard let last = departures.last else { return false }
    let lastReplyAt = observation.echo?.replySentAt ?? 0
    return !last.hasLeft || receivedAt < last.time || (lastReplyAt > 0 && lastReplyAt < last.time)
  }

  mutating func append(_ number: Int, at now: UInt64) {
    departures.append(Departure(number: number, time: now))
    departures.removeFirst(max(0, departures.count - Self.capacity))
  }

  /// A chunk leaves: the robot will echo this time.
  mutating func noteDeparture(of number: Int, at now: UInt64) {
    guard let place = departures.lastIndex(where: { $0.number == number }) else { return }
    (departures[place].time, departures[place].hasLeft) = (now, true)
  }

  /// A chunk does not leave, nor any that was made after it.
  mutating func takeBack(_ number: Int) {
    guard let place = departures.lastIndex(where: { $0.number == number }) else { return }
    departures.removeSubrange(place...)
    known = min(known, max(0, number - 1))
  }

  /// Takes in what an observation tells. That a robot echoes a reply says that it has the chunk when the reply carried the chunk, and
  /// nothing otherwise: a greeting may follow answers that were lost.
  mutating func read(_ echo: ClockEcho?) {
    guard let time = echo?.replySentAt, time > 0, let place = departures.lastIndex(where: { $0.time == time }) else {
      return
    }
    known = max(known, departures[place].number)
    departures.removeFirst(place)
  }

  /// The newest chunk that the robot had for certain when it sent an observation.
  ///
  /// A simulator does not echo, and stands still until it has its answer or has lost it. It is known by when its observation came.
  ///
  /// - Parameter last: the number of the last chunk.
  func newestKnown(to observation: Observation, last: Int) -> Int {
    observation.clock == .simulated && (observation.echo?.replySentAt ?? 0) == 0 ? last : known
  }
}
