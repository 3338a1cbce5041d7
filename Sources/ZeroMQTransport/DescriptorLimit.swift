#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How many files and connections the process may have open.
public enum DescriptorLimit {
  /// As many as a daemon can have use for; the system may allow millions.
  public static let wanted: UInt64 = 65_536

  /// Raises the limit to ``wanted``, or as far as the system permits without privileges.
  ///
  /// Where descriptors run out, libzmq neither accepts a connection nor waits for one, and on ipc sockets it ends the process.
  ///
  /// - Returns: the limit as it is now; `nil` when the system does not say.
  @discardableResult
  public static func raise() -> UInt64? {
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else { return nil }
    let reachable = min(UInt64(limit.rlim_max), wanted)
    if UInt64(limit.rlim_cur) < reachable {
      limit.rlim_cur = rlim_t(reachable)
      guard setrlimit(resource, &limit) == 0, getrlimit(resource, &limit) == 0 else { return nil }
    }
    return UInt64(limit.rlim_cur)
  }

  #if canImport(Glibc)
    private static let resource = Int32(RLIMIT_NOFILE.rawValue)
  #else
    private static let resource = RLIMIT_NOFILE
  #endif
}
