import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

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

  /// At most this many bytes lie unused; of what exceeds it, the sizes that nobody has asked for longest go back to the system.
  public static let idleLimit = 160 << 20

  /// Blocks of one size.
  private struct Shelf {
    var blocks: [Int] = []
    /// When one was last taken or given back.
    var lastUse = 0
  }

  private struct State: ~Copyable {
    var idle: [Int: Shelf] = [:]
    var uses = 0
    var statistics = Statistics()

    /// Takes the addresses of blocks off the shelves that were not used for longest until `byteCount` more bytes may lie idle.
    mutating func makeRoom(for byteCount: Int) -> [Int] {
      var surplus: [Int] = []
      while statistics.idleBytes + byteCount > TensorMemory.idleLimit,
        let oldest = idle.filter({ !$0.value.blocks.isEmpty }).min(by: { $0.value.lastUse < $1.value.lastUse })?.key
      {
        while statistics.idleBytes + byteCount > TensorMemory.idleLimit, let block = idle[oldest]?.blocks.popLast() {
          surplus.append(block)
          statistics.idleBytes -= oldest
        }
      }
      return surplus
    }

    /// The shelf for blocks of `capacity` bytes, in use from now on.
    mutating func withShelf<Result>(_ capacity: Int, _ body: (inout Shelf) -> Result) -> Result {
      uses += 1
      var shelf = idle.removeValue(forKey: capacity) ?? Shelf()
      shelf.lastUse = uses
      defer { idle[capacity] = shelf }
      return body(&shelf)
    }
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
      return state.idle.values.flatMap(\.blocks)
    }
    release(blocks)
  }

  private static func release(_ blocks: [Int]) {
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
      guard let block = state.withShelf(capacity, { $0.blocks.popLast() }) else {
        state.statistics.allocations += 1
        return nil
      }
      state.statistics.idleBytes -= capacity
      return block
    }
    if let kept, let block = UnsafeMutableRawPointer(bitPattern: kept) { return block }
    guard capacity >= hugePages else { return UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64) }
    let block = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: hugePage)
    #if canImport(Glibc)
      // A wish: pages of 2 MiB are cleared and found much faster than 512 times as many of 4 KiB.
      madvise(block, capacity / hugePage * hugePage, MADV_HUGEPAGE)
    #endif
    return block
  }

  private static let hugePage = 2 << 20
  /// Blocks from this size on ask for huge pages.
  private static let hugePages = 4 << 20

  /// Takes back what ``take(_:)`` gave for the same count.
  static func give(_ block: UnsafeMutableRawPointer, _ byteCount: Int) {
    let capacity = capacity(for: byteCount)
    let address = Int(bitPattern: block)
    let surplus = state.withLock { state -> [Int] in
      guard capacity <= idleLimit else { return [address] }
      let surplus = state.makeRoom(for: capacity)
      state.withShelf(capacity) { $0.blocks.append(address) }
      state.statistics.idleBytes += capacity
      return surplus
    }
    release(surplus)
  }

  /// Memory for `count` floats, with no defined content, for as long as `body` runs.
  static func withScratch<Result>(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Result) -> Result {
    let block = take(count * 4)
    defer { give(block, count * 4) }
    return body(block.assumingMemoryBound(to: Float.self))
  }
}
