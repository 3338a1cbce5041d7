import Synchronization

/// Calls off work under way: set by any thread, once, and looked at by the thread that works.
public final class Cancellation: Sendable {
  private let flag = Atomic(false)

  /// Nothing is called off yet.
  public init() {}

  /// Whether the work has been called off.
  public var isCancelled: Bool { flag.load(ordering: .relaxed) }

  /// Calls the work off; it ends a few milliseconds later.
  public func cancel() { flag.store(true, ordering: .relaxed) }

  /// Asks on behalf of a C library, which was given ``context``.
  static let ask: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = { context in
    guard let context else { return 0 }
    return Unmanaged<Cancellation>.fromOpaque(context).takeUnretainedValue().isCancelled ? 1 : 0
  }

  /// For ``ask``, as long as this object lives.
  var context: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }
}
