import Files
import Foundation
import Synchronization

/// Passes the signals that ask a program to end to a closure, on a thread of its own.
///
/// A handler with a pipe rather than a dispatch source: it works whatever the disposition was before (shells start background jobs with
/// SIGINT ignored) and on whichever thread the kernel picks, OpenBLAS' own among them. Only an ignored SIGHUP stays ignored: that is
/// how `nohup` works.
///
/// The watch that was made last gets the signals. Where there is none, a signal removes unfinished files and ends the process; a program
/// calls ``begin()`` first, so that this holds from its first moment on.
public final class SignalWatch: Sendable {
  /// The signals that are watched.
  public static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

  private let watcher: Watcher

  /// The first signal that came, if any.
  public var received: Int32? { watcher.received.withLock { $0 } }

  /// Begins to watch, until this object is let go.
  ///
  /// - Parameter handler: called for each signal, one after the other.
  public init(_ handler: @escaping @Sendable (Int32) -> Void) {
    watcher = Watcher(handler)
    SignalHub.shared.add(watcher)
  }

  deinit { SignalHub.shared.remove(watcher) }

  /// From now on a signal that nobody watches ends the process as ``endProcess(by:)`` does, and not as the system would: nothing
  /// unfinished stays, and SIGQUIT writes no core.
  ///
  /// - Parameter statusUnwatched: the exit status then; `nil`: 128 + the signal's number.
  public static func begin(statusUnwatched: Int32? = nil) {
    // Before the handlers are there, so that no signal finds the other status.
    if let statusUnwatched { unwatchedStatus.store(statusUnwatched, ordering: .sequentiallyConsistent) }
    _ = SignalHub.shared
  }

  /// Ends the process as a signal does, with the exit status 128 + `number`, and leaves no unfinished file.
  ///
  /// No destructor runs: other threads may be in the middle of a computation.
  public static func endProcess(by number: Int32) -> Never { endProcess(status: 128 &+ number) }

  /// As ``endProcess(by:)``, with an exit status of one's own.
  public static func endProcess(status: Int32) -> Never {
    isEnding.store(true, ordering: .sequentiallyConsistent)
    UnfinishedFiles.removeAll()
    _exit(status)
  }

  /// Does not return where ``endProcess(status:)`` is under way on another thread: what now fails here fails because of that, such as a
  /// file that has gone, and the exit status is the signal's.
  public static func yieldToEnd() {
    while isEnding.load(ordering: .sequentiallyConsistent) { pause() }
  }
}

/// One closure and what has come for it.
private final class Watcher: Sendable {
  let received = Mutex<Int32?>(nil)
  let handler: @Sendable (Int32) -> Void

  init(_ handler: @escaping @Sendable (Int32) -> Void) { self.handler = handler }
}

/// The write end of the pipe that carries signals from the handler, where almost nothing is allowed, to a thread, where everything is.
private let signalPipe = Atomic<Int32>(-1)

/// Whether the process ends already.
private let isEnding = Atomic<Bool>(false)

/// The exit status that a signal gives which nobody watches; below 0: 128 + the signal's number.
private let unwatchedStatus = Atomic<Int32>(-1)

/// The handlers, the thread, and the watches of this process.
private final class SignalHub: Sendable {
  static let shared = SignalHub()
  private let watchers = Mutex<[Watcher]>([])

  private init() {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let reader = ends[0]
    signalPipe.store(ends[1], ordering: .sequentiallyConsistent)
    let thread = Thread { [self] in
      while let number = Self.next(from: reader) { pass(number) }
    }
    thread.name = "signals"
    thread.start()
    Self.installHandlers()
  }

  func add(_ watcher: Watcher) { watchers.withLock { $0.append(watcher) } }

  func remove(_ watcher: Watcher) { watchers.withLock { $0.removeAll { $0 === watcher } } }

  private func pass(_ number: Int32) {
    guard let watcher = watchers.withLock({ $0.last }) else {
      let status = unwatchedStatus.load(ordering: .sequentiallyConsistent)
      if status >= 0 { SignalWatch.endProcess(status: status) }
      SignalWatch.endProcess(by: number)
    }
    watcher.received.withLock { $0 = $0 ?? number }
    watcher.handler(number)
  }

  private static func installHandlers() {
    // Whoever started this process may have left its own mask on it; a blocked signal would never come.
    var watched = sigset_t()
    sigemptyset(&watched)
    for number in SignalWatch.signals where number != SIGHUP || !isIgnored(number) {
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

  private static func isIgnored(_ number: Int32) -> Bool {
    var current = sigaction()
    guard sigaction(number, nil, &current) == 0 else { return false }
    return unsafeBitCast(current.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
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
