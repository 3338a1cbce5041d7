import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Memory of tensors that are no longer used, kept for the next ones of the same size, or of large ones of nearly the same.
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

  /// At most this many bytes lie unused; of what exceeds it, the blocks that nobody has used for longest go back to the system. A whole
  /// picture is decoded within it.
  public static let idleLimit = 256 << 20

  /// Memory that somebody uses.
  struct Block: @unchecked Sendable {
    /// A multiple of 64.
    let address: UnsafeMutableRawPointer
    fileprivate let sizeClass: SizeClass
  }

  /// How long memory is wanted: the longer, the less of a surplus is taken.
  enum Use {
    /// As 8-bit weights and caches of keys and values are.
    case lasting
    /// As what a step computes.
    case passing
    /// Within one product.
    case scratch

    /// The largest block that is taken, in halves of what is wanted.
    fileprivate var mostHalves: Int {
      switch self {
      case .lasting: 2
      case .passing: 3
      case .scratch: 8
      }
    }
  }

  /// What memory belongs to.
  enum Owner {
    case block(Block)
    /// A file's bytes, which are never written.
    case file(PrivateMemory)

    /// Ends the use of it.
    func release() {
      if case .block(let block) = self { TensorMemory.give(block) }
    }
  }

  /// A block that nobody uses.
  private struct IdleBlock {
    let address: Int
    /// The number of blocks given back before it.
    let order: Int
  }

  private struct State: ~Copyable {
    /// Blocks of each size class; the one that lies there longest comes first, the next one to be used last.
    var idle = [[IdleBlock]](repeating: [], count: SizeClass.count)
    var returns = 0
    var statistics = Statistics()

    /// Removes the blocks that were not used for longest until `byteCount` more bytes may lie idle.
    mutating func makeRoom(for byteCount: Int) -> [Int] {
      var surplus: [Int] = []
      while statistics.idleBytes + byteCount > TensorMemory.idleLimit, let oldest = oldest() {
        statistics.idleBytes -= SizeClass(index: oldest).capacity
        surplus.append(idle[oldest].removeFirst().address)
      }
      return surplus
    }

    /// The class with the block that was not used for longest.
    private func oldest() -> Int? {
      idle.indices.filter { !idle[$0].isEmpty }.min { idle[$0][0].order < idle[$1][0].order }
    }

    /// A block of a class, or a larger one if both are large: pages to be cleared would cost more than a surplus.
    mutating func takeIdle(_ wanted: SizeClass, for use: Use) -> Block? {
      var found = wanted
      if wanted.capacity >= TensorMemory.hugePages {
        let largest = wanted.capacity / 2 * use.mostHalves
        while idle[found.index].isEmpty, found.next.capacity <= largest { found = found.next }
      }
      guard let block = idle[found.index].popLast(), let address = UnsafeMutableRawPointer(bitPattern: block.address)
      else { return nil }
      statistics.idleBytes -= found.capacity
      return Block(address: address, sizeClass: found)
    }

    mutating func putIdle(_ block: Block) {
      idle[block.sizeClass.index].append(IdleBlock(address: Int(bitPattern: block.address), order: returns))
      returns += 1
      statistics.idleBytes += block.sizeClass.capacity
    }
  }

  private static let state = Mutex(State())

  /// What was asked of the system so far.
  public static var statistics: Statistics { state.withLock { $0.statistics } }

  /// Gives all unused memory back to the system.
  public static func releaseIdle() {
    let blocks = state.withLock { state in
      defer {
        for index in state.idle.indices { state.idle[index] = [] }
        state.statistics.idleBytes = 0
      }
      return state.idle.joined().map(\.address)
    }
    release(blocks)
  }

  private static func release(_ blocks: [Int]) {
    for block in blocks { UnsafeMutableRawPointer(bitPattern: block)?.deallocate() }
  }

  /// At least `byteCount` bytes, with no defined content.
  static func take(_ byteCount: Int, for use: Use = .passing) -> Block {
    let wanted = SizeClass(for: byteCount), capacity = wanted.capacity
    let kept = state.withLock { state -> Block? in
      if let block = state.takeIdle(wanted, for: use) { return block }
      state.statistics.allocations += 1
      return nil
    }
    if let kept { return kept }
    guard capacity >= hugePages else {
      return Block(address: .allocate(byteCount: capacity, alignment: 64), sizeClass: wanted)
    }
    let block = Block(address: .allocate(byteCount: capacity, alignment: hugePage), sizeClass: wanted)
    #if canImport(Glibc)
      // A wish: pages of 2 MiB are cleared and found much faster than 512 times as many of 4 KiB.
      madvise(block.address, capacity / hugePage * hugePage, MADV_HUGEPAGE)
    #endif
    return block
  }

  private static let hugePage = 2 << 20
  /// Blocks from this size on ask for huge pages.
  private static let hugePages = 4 << 20

  /// Takes back what ``take(_:)`` gave.
  static func give(_ block: Block) {
    let surplus = state.withLock { state -> [Int] in
      let capacity = block.sizeClass.capacity
      guard capacity <= idleLimit else { return [Int(bitPattern: block.address)] }
      let surplus = state.makeRoom(for: capacity)
      state.putIdle(block)
      return surplus
    }
    release(surplus)
  }

  /// Memory for `count` floats, with no defined content, for as long as `body` runs: a little of it on the stack, which no other
  /// thread waits for.
  static func withScratch(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
    guard count > 4096 else {
      return withUnsafeTemporaryAllocation(of: Float.self, capacity: max(count, 1)) { memory in
        guard let base = memory.baseAddress else { return }
        body(base)
      }
    }
    let block = take(count * 4, for: .scratch)
    defer { give(block) }
    body(block.address.assumingMemoryBound(to: Float.self))
  }
}
