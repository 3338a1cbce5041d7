import CKernels

/// Looks for NaN and infinity: one of them among the weights makes everything that a model says meaningless.
public enum FiniteCheck {
  /// The place of the first NaN or infinity among whole elements; `nil` when there is none, or when the elements are integers.
  ///
  /// - Parameter bytes: at any address.
  public static func firstFault(in bytes: UnsafeRawBufferPointer, of type: ElementType) -> Int? {
    guard let base = bytes.baseAddress, bytes.count >= type.size else { return nil }
    let count = bytes.count / type.size
    let finite: Int
    switch type {
    case .f32: finite = uio2_f32_finite(base, count)
    case .bf16: finite = uio2_half_finite(base, count, 0x7f80)
    case .f16: finite = uio2_half_finite(base, count, 0x7c00)
    case .i32, .i64, .u8: return nil
    }
    return finite < count ? finite : nil
  }

  /// The error for a weight that is not finite.
  ///
  /// - Parameters:
  ///   - tensor: the weight's tensor.
  ///   - index: of the element, row-major.
  ///   - shape: of the tensor.
  ///   - path: of the file.
  public static func fault(
    _ tensor: String, at index: Int, of shape: [Int], _ type: ElementType, in path: String
  ) -> TensorError {
    TensorError(
      .nonFinite, tensor,
      "holds NaN or an infinity at \(place(index, in: shape)) (\(type.rawValue)) in \(path); "
        + "a model with such a weight says nothing of use, export it again from a sound checkpoint")
  }

  /// `[2, 0, 17]` of a row-major index.
  static func place(_ index: Int, in shape: [Int]) -> [Int] {
    var rest = index
    var place: [Int] = []
    for dimension in shape.reversed() where dimension > 0 {
      place.append(rest % dimension)
      rest /= dimension
    }
    return place.reversed()
  }
}

extension Tensor {
  /// Whether no element is NaN or infinite.
  public var isFinite: Bool { uio2_f32_finite(pointer, count) == count }
}

extension [Float] {
  /// Whether no element is NaN or infinite.
  public var isFinite: Bool { withUnsafeBytes { FiniteCheck.firstFault(in: $0, of: .f32) } == nil }
}
