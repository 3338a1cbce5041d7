import Files
import RobotInterface

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Interrupts a thread that waits in ``RouterSocket/receive(timeout:)``, from any other thread.
///
/// A ZeroMQ socket belongs to one thread, so that others cannot send through it; they leave their message somewhere and
/// signal. Signals do not add up: one wake-up may answer several.
public final class WakeUp: Sendable {
  /// Becomes readable after ``signal()``.
  let readEnd: Int32
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
  func drain() {
    var bytes = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
    while read(readEnd, &bytes, MemoryLayout.size(ofValue: bytes)) > 0 {}
  }
}
