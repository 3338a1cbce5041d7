import RobotInterface

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How much memory a daemon may use before it ends, so that it is started anew.
///
/// libzmq keeps a message until its last frame has come, and nothing bounds the number of frames: a client that never sends the last one
/// fills any machine. Memory that holds files (weights are mapped) does not count; the system takes it back by itself.
public enum MemoryLimit: Sendable, Hashable {
  /// As much as there is.
  case unlimited
  /// Bytes.
  case bytes(Int)
  /// What the process uses once the policy is warm, working memory of twice its weights, and ``margin``.
  case derived

  /// Bytes for messages and pictures that are under way.
  public static let margin = 1 << 30

  /// Bytes.
  ///
  /// - Parameter usage: of the process when its policy is warm.
  package func ceiling(warm usage: MemoryUsage) -> Int? {
    switch self {
    case .unlimited: nil
    case .bytes(let bytes): bytes
    // All weights have been read by then, so they are no more than what is resident.
    case .derived: usage.own + 2 * usage.resident + Self.margin
    }
  }
}

/// Memory of this process.
package struct MemoryUsage: Sendable, Hashable {
  /// Bytes in memory.
  package var resident: Int
  /// Bytes among them that are no file's.
  package var own: Int

  /// Collects the parts.
  package init(resident: Int, own: Int) {
    self.resident = resident
    self.own = own
  }

  /// As it is now; `nil` where the system does not say.
  package static var now: MemoryUsage? {
    // Pages: size, resident, shared (which are a file's), …
    let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = read(file, &bytes, bytes.count)
    let fields = bytes.prefix(max(0, count)).split(separator: UInt8(ascii: " "))
    guard fields.count > 2, let resident = Int(String(decoding: fields[1], as: UTF8.self)),
      let shared = Int(String(decoding: fields[2], as: UTF8.self))
    else { return nil }
    let page = sysconf(Int32(_SC_PAGESIZE))
    return MemoryUsage(resident: resident * page, own: (resident - shared) * page)
  }
}

/// Looks at the process's memory now and then.
package struct MemoryWatch {
  /// Nanoseconds between two looks, each of some 10 µs. In that time a client can fill some 100 MB.
  private static let period: UInt64 = 100_000_000

  private let limit: MemoryLimit
  private let usage: () -> MemoryUsage?
  /// Bytes; `nil` as long as there is none.
  package private(set) var ceiling: Int?
  private var nextLook: UInt64 = 0

  /// - Parameter usage: the process's memory.
  package init(_ limit: MemoryLimit, usage: @escaping () -> MemoryUsage? = { MemoryUsage.now }) {
    self.limit = limit
    self.usage = usage
    if case .bytes(let bytes) = limit { ceiling = bytes }
  }

  /// How long one may wait until the next look; `nil`: for ever.
  package var interval: Duration? { limit == .unlimited ? nil : .nanoseconds(Int64(Self.period)) }

  /// Says that the policy is warm.
  package mutating func becomeReady() { ceiling = usage().flatMap(limit.ceiling(warm:)) ?? ceiling }

  /// Why the daemon must end, when it must.
  ///
  /// - Parameter now: nanoseconds.
  package mutating func excess(at now: UInt64) -> RobotError? {
    guard let ceiling, now >= nextLook else { return nil }
    nextLook = now &+ Self.period
    guard let own = usage()?.own, own > ceiling else { return nil }
    return RobotError(
      .shuttingDown, "memory",
      "the daemon uses \(own >> 20) MiB, more than its ceiling of \(ceiling >> 20) MiB; it ends and must be started again"
    )
  }
}
