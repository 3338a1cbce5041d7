import Foundation
import Synchronization

/// The write end of the pipe that carries signals from the handler, where almost nothing is allowed, to a thread, where everything is.
private let signalPipe = Atomic<Int32>(-1)

/// Passes SIGINT and SIGTERM to a closure on a thread of its own.
///
/// A handler with a pipe rather than a dispatch source: it works whatever the disposition was before (shells start background jobs with
/// SIGINT ignored) and on whichever thread the kernel picks, OpenBLAS' own among them.
final class SignalWatch: Sendable {
  private let state = Mutex<Int32?>(nil)

  /// The first signal that came, if any.
  var received: Int32? { state.withLock { $0 } }

  /// Begins to watch; there is one watch in a process.
  init(_ handler: @escaping @Sendable (Int32) -> Void) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let reader = ends[0]
    signalPipe.store(ends[1], ordering: .sequentiallyConsistent)
    let thread = Thread { [weak self] in
      while let number = Self.next(from: reader) {
        self?.state.withLock { $0 = $0 ?? number }
        handler(number)
      }
    }
    thread.name = "signals"
    thread.start()
    // Whoever started this process may have left its own mask on it; a blocked signal would never come.
    var watched = sigset_t()
    sigemptyset(&watched)
    for number in [SIGINT, SIGTERM] {
      sigaddset(&watched, number)
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { number in
        let saved = errno
        var byte = UInt8(truncatingIfNeeded: number)
        _ = write(signalPipe.load(ordering: .relaxed), &byte, 1)
        errno = saved
      }
      action.sa_flags = SA_RESTART
      sigaction(number, &action, nil)
    }
    pthread_sigmask(SIG_UNBLOCK, &watched, nil)
  }

  private static func next(from reader: Int32) -> Int32? {
    var byte: UInt8 = 0
    while true {
      let count = read(reader, &byte, 1)
      if count == 1 { return Int32(byte) }
      if count == 0 || errno != EINTR { return nil }
    }
  }
}
