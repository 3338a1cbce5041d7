import Files

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Interrupts a thread that waits for descriptors, from any other thread.
///
/// A socket may belong to one thread, so that others cannot send through it; they leave their message somewhere and
/// signal. Signals do not add up: one wake-up may answer several.
public final class WakeUp: Sendable {
  /// Becomes readable after ``signal()``.
  package let readEnd: Int32
  private let writeEnd: Int32

  /// - Throws: `.internal` when the process has no file descriptors left.
  public init() throws(RobotError) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      throw RobotError(.internal, "wake-up", "no pipe: \(SystemReason.text())")
    }
    readEnd = ends[0]
    writeEnd = ends[1]
    // Neither end may block: a full pipe already holds enough to wake the reader.
    for end in ends {
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
    }
  }

  deinit {
    close(readEnd)
    close(writeEnd)
  }

  /// Wakes the waiting thread, or the next call that would wait. Safe to call from a signal handler.
  public func signal() {
    var byte: UInt8 = 1
    _ = write(writeEnd, &byte, 1)
  }

  /// Forgets the signals so far.
  package func drain() {
    var bytes = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
    while read(readEnd, &bytes, MemoryLayout.size(ofValue: bytes)) > 0 {}
  }

  /// Waits for a signal, or until one of the descriptors can be read; a signal of before the call counts, once.
  ///
  /// - Parameters:
  ///   - descriptors: open ones.
  ///   - timeout: `nil`: for ever; rounded up to milliseconds.
  /// - Returns: also when a signal handler ran.
  /// - Throws: `.internal` when the system cannot wait.
  package func wait(beside descriptors: [Int32], timeout: Duration?) throws(RobotError) {
    var items = ([readEnd] + descriptors).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    let milliseconds = timeout.map { Int32(clamping: $0.wholeMilliseconds) } ?? -1
    guard poll(&items, nfds_t(items.count), milliseconds) >= 0 else {
      guard errno == EINTR else { throw RobotError(.internal, "wake-up", "no wait: \(SystemReason.text())") }
      return
    }
    if items[0].revents != 0 { drain() }
  }
}

extension Duration {
  /// Rounded up, so that a wait is never shorter than asked for; within what 32 bits hold.
  package var wholeMilliseconds: Int {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    let milliseconds = Double(seconds) * 1e3 + (Double(attoseconds) / 1e15).rounded(.up)
    return Int(min(milliseconds, Double(Int32.max)))
  }
}
