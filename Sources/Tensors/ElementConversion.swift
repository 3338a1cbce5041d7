import CKernels

/// Floating-point numbers from one element type to another.
public enum ElementConversion {
  /// Whether ``convert(_:from:to:)`` knows the pair.
  public static func isPossible(from source: ElementType, to target: ElementType) -> Bool {
    source == target || ([.f32, .bf16, .f16].contains(source) && [.f32, .bf16].contains(target))
  }

  /// The same numbers in another element type; f32 → bf16 rounds to nearest, ties to even.
  ///
  /// - Parameter bytes: whole elements, at any address.
  /// - Precondition: the pair ``isPossible(from:to:)``.
  public static func convert(
    _ bytes: UnsafeRawBufferPointer, from source: ElementType, to target: ElementType
  ) -> [UInt8] {
    precondition(isPossible(from: source, to: target), "no conversion between these element types")
    guard source != target else { return Array(bytes) }
    let count = bytes.count / source.size
    let floats = [Float](unsafeUninitializedCapacity: count) { floats, initialized in
      initialized = count
      guard let base = floats.baseAddress, count > 0 else { return }
      if source == .f32 {
        UnsafeMutableRawBufferPointer(floats).copyMemory(from: bytes)
        return
      }
      // The kernels read whole elements, which a file need not align.
      let halves = [UInt16](unsafeUninitializedCapacity: count) { halves, initialized in
        UnsafeMutableRawBufferPointer(halves).copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<(2 * count)]))
        initialized = count
      }
      if source == .bf16 { uio2_bf16_to_f32(base, halves, count) } else { uio2_f16_to_f32(base, halves, count) }
    }
    if target == .f32 { return floats.withUnsafeBytes { Array($0) } }
    let halves = [UInt16](unsafeUninitializedCapacity: count) { halves, initialized in
      initialized = count
      if let base = halves.baseAddress, count > 0 { uio2_f32_to_bf16(base, floats, count) }
    }
    return halves.withUnsafeBytes { Array($0) }
  }
}
