/// The memory behind a tensor: either its own, 64-byte aligned, or a part of a memory-mapped file that it keeps alive.
///
/// Unchecked because the pointer is only written through a uniquely referenced ``Tensor``.
final class TensorStorage: @unchecked Sendable {
  let base: UnsafeMutablePointer<Float>
  let count: Int
  /// Set when the memory belongs to a file; such storage is never written.
  private let owner: MemoryMappedFile?

  var isReadOnly: Bool { owner != nil }

  /// Uninitialised memory of `count` floats.
  init(uninitialized count: Int) {
    base = TensorMemory.take(count * 4).bindMemory(to: Float.self, capacity: max(count, 1))
    self.count = count
    owner = nil
  }

  /// The floats at `base`, which lie inside `file`.
  init(mapped base: UnsafePointer<Float>, count: Int, in file: MemoryMappedFile) {
    self.base = UnsafeMutablePointer(mutating: base)
    self.count = count
    owner = file
  }

  deinit {
    if owner == nil { TensorMemory.give(UnsafeMutableRawPointer(base), count * 4) }
  }
}
