import Dispatch
import Foundation
import RobotInterface
import Synchronization

/// Looks now and then whether a daemon is still the one at its address. A second one could take it otherwise, and a stop sent there would not
/// reach the robots of this one.
///
/// It looks on a thread of its own: a file system that does not answer keeps no robot waiting.
final class AddressWatch: Sendable {
  /// How long it waits until the next look.
  private static let interval: DispatchTimeInterval = .seconds(1)

  private let listeners: [any RobotListener]
  private let hindrance: (@Sendable () -> RobotError?)?
  private let wakeUp: WakeUp
  private let found = Mutex<RobotError?>(nil)
  private let end = DispatchSemaphore(value: 0)

  /// - Parameters:
  ///   - hindrance: why the daemon must end for another reason; asked as often.
  ///   - wakeUp: signalled when the daemon must end.
  init(_ listeners: [any RobotListener], hindrance: (@Sendable () -> RobotError?)?, wakeUp: WakeUp) {
    self.listeners = listeners
    self.hindrance = hindrance
    self.wakeUp = wakeUp
  }

  /// Begins to look.
  func start() {
    let thread = Thread { [self] in
      repeat { look() } while failure == nil && end.wait(timeout: .now() + Self.interval) == .timedOut
    }
    thread.name = "uio2 address"
    thread.start()
  }

  /// Ends the thread as soon as a look ends that is under way; nobody waits for that.
  func stop() { end.signal() }

  /// Why the daemon must end, when it must.
  var failure: RobotError? { found.withLock { $0 } }

  private func look() {
    guard let error = lost ?? hindrance?() else { return }
    found.withLock { $0 = error }
    wakeUp.signal()
  }

  private var lost: RobotError? {
    listeners.first { !$0.isReachable }.map {
      RobotError(
        .shuttingDown, $0.address,
        "its file was removed or replaced, or its folder renamed, so that nobody finds this daemon any more; it ends, start it again"
      )
    }
  }
}
