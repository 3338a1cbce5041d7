import CKernels

/// Numbers in bfloat16 (the upper half of an f32), inside a memory-mapped file or in memory of their own.
///
/// Unchecked because nothing writes them after the initialiser.
final class BrainFloats: @unchecked Sendable {
  let base: UnsafePointer<UInt16>
  let count: Int
  /// Kept alive while the numbers lie in it; `nil`: the memory is this object's own.
  private let file: MemoryMappedFile?

  /// The numbers at `base`, which lie inside `file`.
  init(mapped base: UnsafePointer<UInt16>, count: Int, in file: MemoryMappedFile) {
    self.base = base
    self.count = count
    self.file = file
  }

  /// A copy of bytes that do not lie at an even address.
  init(copying bytes: UnsafeRawPointer, count: Int) {
    let raw = UnsafeMutableRawPointer.allocate(byteCount: max(2 * count, 1), alignment: 64)
    raw.copyMemory(from: bytes, byteCount: 2 * count)
    base = UnsafePointer(raw.bindMemory(to: UInt16.self, capacity: max(count, 1)))
    self.count = count
    file = nil
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
  /// The tensor's numbers as they are stored; `nil` when it is empty or not bfloat16.
  ///
  /// - Throws: ``TensorError`` `.missingTensor`.
  func brainFloats(_ name: String) throws(TensorError) -> BrainFloats? {
    let entry = try entry(name)
    guard entry.type == .bf16, entry.count > 0, let source = file.pointer(at: entry.offset) else { return nil }
    // The mapping begins at a page, so an even offset is an even address.
    guard entry.offset % 2 == 0 else { return BrainFloats(copying: source, count: entry.count) }
    return BrainFloats(mapped: source.assumingMemoryBound(to: UInt16.self), count: entry.count, in: file)
  }
}
