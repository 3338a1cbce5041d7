import ControlDaemon
import Files
import Foundation
import Logging
import RobotInterface
import RobotLink
import RobotPolicy
import Synchronization
import ZMTPWire

/// A daemon in this process, at an address that nobody else can open.
final class LocalDaemon: Sendable {
  /// Where it listens.
  let endpoint: String
  private let daemon: ControlDaemon
  private let folder: PrivateFolder
  private let outcome = Mutex<RobotError?>(nil)
  private let ended = DispatchSemaphore(value: 0)
  private let isRunning = Atomic(false)

  /// Binds a socket in a new folder that only this user may enter.
  ///
  /// - Parameter usesLibzmq: or our own ZMTP, which clients cannot tell apart.
  init(
    _ policy: any ObservationPolicy, usesLibzmq: Bool = true, observer: (any MessageObserver)? = nil, logger: Logger
  ) throws {
    let folder = try PrivateFolder(prefix: "uio2")
    self.folder = folder
    var options = DaemonOptions()
    options.observer = observer
    do {
      let place = try Endpoint(Self.address("uio2", in: folder), for: .listen)
      let listener = usesLibzmq ? ZeroMQListener.at(place) : ZMTPListener.at(place)
      daemon = try ControlDaemon(policy: policy, listeners: [listener], options: options, logger: logger)
    } catch {
      throw CommandFailure(.unavailable, error.description)
    }
    endpoint = Self.address("uio2", in: folder)
  }

  /// A further address beside ``endpoint``, as private and as short-lived.
  func address(_ name: String) -> String { Self.address(name, in: folder) }

  private static func address(_ name: String, in folder: PrivateFolder) -> String {
    "ipc://\(folder.path)/\(name).sock"
  }

  /// Why the daemon ended by itself, if it did.
  var failure: RobotError? { outcome.withLock { $0 } }

  /// Begins to serve; `onFailure` is called, on another thread, when that ends before ``stop()``.
  func start(onFailure: @escaping @Sendable () -> Void) {
    isRunning.store(true, ordering: .sequentiallyConsistent)
    let thread = Thread { [self] in
      do throws(RobotError) {
        try daemon.run()
      } catch {
        outcome.withLock { $0 = error }
        onFailure()
      }
      ended.signal()
    }
    thread.name = "daemon"
    // A model's scratch lives on the stack in places; secondary threads get little by default.
    thread.stackSize = 8 << 20
    thread.start()
  }

  /// Ends serving, waits for it, and removes the folder.
  func stop() {
    if isRunning.exchange(false, ordering: .sequentiallyConsistent) {
      daemon.stop()
      ended.wait()
    }
    folder.remove()
  }
}
