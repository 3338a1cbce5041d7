#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A lock on a regular file that says “whoever made this lives”: the system lets go of it when the process ends, however it ends.
public final class FileLock: Sendable {
  private let descriptor: Int32

  /// Takes the lock of the file that lies at `path` and is no link; `nil` when another process has it, or there is no such file.
  public init?(taking path: String) {
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    // It may have been replaced between the two: then the lock is of a file that nobody finds any more.
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, let own = FileIdentity(descriptor: descriptor),
      own == FileIdentity(at: path)
    else {
      close(descriptor)
      return nil
    }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }
}
