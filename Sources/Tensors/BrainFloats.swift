import CKernels

/// Numbers in bfloat16 (the upper half of an f32), as a file has them or rounded.
///
/// Unchecked because nothing writes them after the initialiser.
final class BrainFloats: @unchecked Sendable {
  let base: UnsafePointer<UInt16>
  let count: Int
  /// Kept alive while the numbers lie in it; `nil`: the memory is this object's own.
  private let file: PrivateMemory?

  /// Numbers as a file has them, which begin at an even address.
  init(_ slice: MemorySlice) {
    base = slice.base.assumingMemoryBound(to: UInt16.self)
    count = slice.count / 2
    file = slice.memory
  }

  /// 32-bit floats rounded to nearest, ties to even.
  init(rounding tensor: Tensor) {
    let raw = UnsafeMutableRawPointer.allocate(byteCount: max(2 * tensor.count, 1), alignment: 64)
    let halves = raw.bindMemory(to: UInt16.self, capacity: max(tensor.count, 1))
    uio2_f32_to_bf16(halves, tensor.pointer, tensor.count)
    base = UnsafePointer(halves)
    count = tensor.count
    file = nil
  }

  deinit {
    if file == nil { UnsafeMutableRawPointer(mutating: base).deallocate() }
  }
}

extension SafetensorsFile {
  /// The weights of a tensor as they are stored; `nil` when it is empty or not bfloat16.
  ///
  /// - Throws: ``TensorError`` `.missingTensor`, `.nonFinite`, or what reading the file throws.
  func brainFloats(_ name: String) throws(TensorError) -> BrainFloats? {
    let entry = try entry(name)
    guard entry.type == .bf16, entry.count > 0 else { return nil }
    return BrainFloats(try slice(name, entry, .finite))
  }
}
