/// The memory behind a tensor: either its own, 64-byte aligned, or a part of a memory-mapped file that it keeps alive.
///
/// Unchecked because the pointer is only written through a uniquely referenced ``Tensor``.
final class TensorStorage: @unchecked Sendable {
  let base: UnsafeMutablePointer<Float>
  let count: Int
  private let owner: TensorMemory.Owner

  var isReadOnly: Bool {
    if case .file = owner { true } else { false }
  }

  /// Uninitialised memory of `count` floats.
  init(uninitialized count: Int) {
    let block = TensorMemory.take(count * 4)
    base = block.address.bindMemory(to: Float.self, capacity: max(count, 1))
    self.count = count
    owner = .block(block)
  }

  /// The floats at `base`, which lie inside `file`.
  init(mapped base: UnsafePointer<Float>, count: Int, in file: MemoryMappedFile) {
    self.base = UnsafeMutablePointer(mutating: base)
    self.count = count
    owner = .file(file)
  }

  deinit { owner.release() }
}
