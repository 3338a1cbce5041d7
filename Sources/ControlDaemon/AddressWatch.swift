import RobotInterface
import RobotPolicy

/// Looks now and then whether a daemon is still the one at its address. A second one could take it otherwise, and a stop sent there would not
/// reach the robots of this one.
struct AddressWatch: Sendable {
  /// How long one may wait until the next look.
  static let interval: Duration = .seconds(1)

  private let hindrance: (@Sendable () -> RobotError?)?
  private var nextLook: UInt64 = 0

  /// - Parameter hindrance: why the daemon must end for another reason; asked as often.
  init(hindrance: (@Sendable () -> RobotError?)?) { self.hindrance = hindrance }

  /// Why the daemon must end, when it must.
  ///
  /// - Parameter now: nanoseconds.
  mutating func failure(of reception: Reception, at now: UInt64) -> RobotError? {
    guard now >= nextLook else { return nil }
    nextLook = now &+ Self.interval.wholeNanoseconds
    if let lost = reception.lostAddress {
      return RobotError(
        .shuttingDown, lost,
        "its file was removed or replaced, or its folder renamed, so that nobody finds this daemon any more; it ends, start it again"
      )
    }
    return hindrance?()
  }
}
