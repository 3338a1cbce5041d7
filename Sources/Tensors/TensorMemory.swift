import Synchronization

/// Memory of tensors that are no longer used, kept for the next ones of the same size.
///
/// A step of the model asks for the same sizes as the step before; after the first one nothing is asked of the system any more,
/// which for large tensors would hand out pages to be cleared and mapped anew each time.
public enum TensorMemory {
  /// What was asked of the system so far.
  public struct Statistics: Sendable, Hashable {
    /// Blocks taken from the system since the start of the process.
    public var allocations = 0
    /// Bytes that lie unused at the moment.
    public var idleBytes = 0
  }

  /// At most this many bytes lie unused; what exceeds it goes back to the system.
  public static let idleLimit = 160 << 20

  private struct State: ~Copyable {
    var idle: [Int: [Int]] = [:]
    var statistics = Statistics()
  }

  private static let state = Mutex(State())

  /// What was asked of the system so far.
  public static var statistics: Statistics { state.withLock { $0.statistics } }

  /// Gives all unused memory back to the system.
  public static func releaseIdle() {
    let blocks = state.withLock { state in
      defer {
        state.idle.removeAll()
        state.statistics.idleBytes = 0
      }
      return state.idle.values.flatMap { $0 }
    }
    for block in blocks { UnsafeMutableRawPointer(bitPattern: block)?.deallocate() }
  }

  /// Sizes of which memory is kept: four between neighbouring powers of two, so that little is wasted.
  static func capacity(for byteCount: Int) -> Int {
    let wanted = max(byteCount, 64)
    let step = max(64, (1 << (Int.bitWidth - 1 - wanted.leadingZeroBitCount)) / 4)
    return (wanted + step - 1) / step * step
  }

  /// At least `byteCount` bytes at a multiple of 64, with no defined content.
  static func take(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let capacity = capacity(for: byteCount)
    let kept = state.withLock { state -> Int? in
      guard let block = state.idle[capacity]?.popLast() else {
        state.statistics.allocations += 1
        return nil
      }
      state.statistics.idleBytes -= capacity
      return block
    }
    if let kept, let block = UnsafeMutableRawPointer(bitPattern: kept) { return block }
    return UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64)
  }

  /// Takes back what ``take(_:)`` gave for the same count.
  static func give(_ block: UnsafeMutableRawPointer, _ byteCount: Int) {
    let capacity = capacity(for: byteCount)
    let isKept = state.withLock { state in
      guard state.statistics.idleBytes + capacity <= idleLimit else { return false }
      state.idle[capacity, default: []].append(Int(bitPattern: block))
      state.statistics.idleBytes += capacity
      return true
    }
    if !isKept { block.deallocate() }
  }

  /// Memory for `count` floats, with no defined content, for as long as `body` runs.
  static func withScratch<Result>(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Result) -> Result {
    let block = take(count * 4)
    defer { give(block, count * 4) }
    return body(block.assumingMemoryBound(to: Float.self))
  }
}
