import RobotInterface
import Tensors

/// How much memory a daemon may use before it ends, so that it is started anew.
///
/// libzmq keeps a message until its last frame has come, and nothing bounds the number of frames: a client that never sends the last one
/// fills any machine. Pages that hold files (programs, libraries) do not count; the system takes them back by itself.
public enum MemoryLimit: Sendable, Hashable {
  /// As much as there is.
  case unlimited
  /// Bytes.
  case bytes(Int)
  /// What the process holds before anybody can connect (weights among it), the policy's working memory, and ``margin``; but at most
  /// ``share`` of what the machine or the process's control group has beside what it holds.
  case derived

  /// Bytes for messages and pictures that are under way.
  public static let margin = 1 << 30
  /// Of the memory that is not taken yet.
  public static let share = 0.9

  /// Bytes.
  ///
  /// - Parameters:
  ///   - own: bytes that the process holds before anybody can connect.
  ///   - workingMemory: bytes that the policy takes at most beside that.
  ///   - total: bytes of the machine, or of the control group; `nil` where it is not known.
  package func ceiling(holding own: Int, workingMemory: Int, of total: Int?) -> Int? {
    switch self {
    case .unlimited: return nil
    case .bytes(let bytes): return bytes
    case .derived:
      let wanted = Double(own) + Double(workingMemory) + Double(Self.margin)
      let room = total.map { Double(own) + Self.share * Double(max(0, $0 - own)) } ?? wanted
      return Int(exactly: min(wanted, room).rounded()) ?? .max
    }
  }
}

/// Looks at the process's memory now and then, from before anybody can connect: so nobody can raise the ceiling by filling it early.
package struct MemoryWatch: Sendable {
  /// Nanoseconds between two looks, each of some 10 µs. In that time a client can fill some 100 MB.
  private static let period: UInt64 = 100_000_000

  /// Bytes; `nil`: nobody looks.
  package let ceiling: Int?
  private let usage: @Sendable () -> Int?
  private var nextLook: UInt64 = 0

  /// Takes what the process holds now for what it needs to hold.
  ///
  /// - Parameters:
  ///   - workingMemory: bytes that the policy takes at most beside that.
  ///   - usage: bytes of the process's own; `nil` when the system does not say.
  /// - Throws: `.internal` when there is a limit and the memory cannot be measured.
  package init(
    _ limit: MemoryLimit, workingMemory: Int, usage: @escaping @Sendable () -> Int?
  ) throws(RobotError) {
    self.usage = usage
    guard limit != .unlimited else {
      ceiling = nil
      return
    }
    guard let own = usage() else { throw Self.unmeasured }
    ceiling = limit.ceiling(holding: own, workingMemory: workingMemory, of: SystemMemory.total)
  }

  /// As ``init(_:workingMemory:usage:)``, of this process.
  package init(_ limit: MemoryLimit, workingMemory: Int) throws(RobotError) {
    let meter = limit == .unlimited ? nil : MemoryMeter()
    try self.init(limit, workingMemory: workingMemory) { meter?.own }
  }

  /// How long one may wait until the next look; `nil`: for ever.
  package var interval: Duration? { ceiling == nil ? nil : .nanoseconds(Int64(Self.period)) }

  /// Bytes that the process uses now; `nil` when the system does not say, or nobody looks.
  package var used: Int? { usage() }

  /// Why the daemon must end, when it must: its memory is above the ceiling, or cannot be measured any more.
  ///
  /// - Parameter now: nanoseconds.
  package mutating func excess(at now: UInt64) -> RobotError? {
    guard let ceiling, now >= nextLook else { return nil }
    nextLook = now &+ Self.period
    guard let own = usage() else { return RobotError(.shuttingDown, "memory", Self.unmeasured.message) }
    guard own > ceiling else { return nil }
    return RobotError(
      .shuttingDown, "memory",
      "the daemon uses \(own >> 20) MiB, more than its ceiling of \(ceiling >> 20) MiB; it ends and must be started again"
    )
  }

  private static let unmeasured = RobotError(
    .internal, "memory", "the system does not say how much memory this process uses, so nothing would bound it")
}
