import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Memory of this process alone, filled once and then only read: weights, and files that were read whole.
///
/// Nothing outside of the process can change it, which a mapped file cannot promise.
/// Unchecked because its maker fills it before anybody else sees it.
final class PrivateMemory: @unchecked Sendable {
  /// At a multiple of 64 bytes.
  let base: UnsafeMutableRawPointer
  let count: Int

  /// Bytes with no defined content.
  ///
  /// - Parameter subject: what the memory is for, in the error.
  /// - Throws: ``TensorError`` `.outOfMemory`.
  init(count: Int, for subject: String) throws(TensorError) {
    self.count = count
    var address: UnsafeMutableRawPointer?
    let isLarge = count >= 2 * Self.hugePage
    let status = posix_memalign(&address, isLarge ? Self.hugePage : 64, max(count, 1))
    guard status == 0, let address else {
      throw TensorError(.outOfMemory, subject, "needs \(count) bytes of memory, which the system does not give")
    }
    base = address
    // A wish: with large pages fewer of them are to be found, at loading and at every product.
    if isLarge { madvise(address, count / Self.hugePage * Self.hugePage, MADV_HUGEPAGE) }
  }

  deinit { free(base) }

  private static let hugePage = 2 << 20

  /// Asks for the pages of a part that is about to be written, all at once: many times cheaper than one after the other, when each is
  /// first touched.
  func populate(_ range: Range<Int>) {
    guard count >= 2 * Self.hugePage else { return }
    let page = 4096, start = (range.lowerBound + page - 1) / page * page, end = range.upperBound / page * page
    // MADV_POPULATE_WRITE; a system that does not know it gives the pages one by one.
    if start < end { madvise(base + start, end - start, 23) }
  }
}

/// A part of ``PrivateMemory``, which it keeps alive.
struct MemorySlice: Sendable {
  let memory: PrivateMemory
  /// Bytes from the start of the memory.
  let offset: Int
  let count: Int

  var base: UnsafeRawPointer { UnsafeRawPointer(memory.base + offset) }
}

/// Hands out memory for the tensors of a file in parts of large blocks, so that small ones lie in large pages too. A block lives as long
/// as one of its parts.
final class MemoryArena: Sendable {
  private let blockSize: Int
  private let last = Mutex<(memory: PrivateMemory, used: Int)?>(nil)

  /// - Parameter total: bytes that will be asked for, roughly.
  init(total: Int) {
    blockSize = min(32 << 20, total)
  }

  /// Bytes with no defined content, at a multiple of 64.
  ///
  /// - Throws: ``TensorError`` `.outOfMemory` with `subject`.
  func take(_ count: Int, for subject: String) throws(TensorError) -> MemorySlice {
    guard count <= blockSize / 4 else {
      return MemorySlice(memory: try PrivateMemory(count: count, for: subject), offset: 0, count: count)
    }
    return try last.withLock { last throws(TensorError) in
      if let (memory, used) = last, count <= memory.count - used {
        last = (memory, used + (count + 63) / 64 * 64)
        return MemorySlice(memory: memory, offset: used, count: count)
      }
      let memory = try PrivateMemory(count: blockSize, for: subject)
      last = (memory, (count + 63) / 64 * 64)
      return MemorySlice(memory: memory, offset: 0, count: count)
    }
  }
}
