#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The three descriptors that a program starts with.
public enum StandardStreams {
  /// Call it first: makes writing to a pipe without a reader, and beyond the size that a file may have (`ulimit -f`), an error instead of
  /// the end of the process, and opens descriptors 0, 1 and 2
  /// where the process was started without them. Otherwise the next file to be opened would take their place, and messages would be
  /// written into it.
  public static func prepare() {
    // Programs that this one starts get the defaults again (``ChildProcess``).
    for number in [SIGPIPE, SIGXFSZ] { signal(number, SIG_IGN) }
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
    where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
      // The wrong way round, so that using it stays the error that it was. The lowest free number is this one.
      _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
  }
}
