/// The memory behind a tensor: either its own, 64-byte aligned, or a part of a file that was read, which it keeps alive.
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

  /// Floats as a file has them, which begin at a multiple of 4 bytes.
  init(_ slice: MemorySlice) {
    count = slice.count / 4
    base = UnsafeMutableRawPointer(mutating: slice.base).bindMemory(to: Float.self, capacity: max(count, 1))
    owner = .file(slice.memory)
  }

  deinit { owner.release() }
}
