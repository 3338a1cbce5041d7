import CKernels

/// Root-mean-square norm without mean subtraction or bias: `x / √(mean(x²) + ε) · scale` (MODEL: "UIOLayerNorm").
public struct RMSNorm: Sendable {
  /// `[features]`.
  public let scale: Tensor
  public let epsilon: Float

  public init(scale: Tensor, epsilon: Float = 1e-6) {
    self.scale = scale
    self.epsilon = epsilon
  }

  /// Normalises groups of `scale.count` neighbouring features: whole rows, or every head when the scale is a head wide.
  /// - Parameter x: `[rows, n · scale.count]`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    precondition(x.count % scale.count == 0, "the norm's width must divide the row")
    let result = Tensor(uninitialized: x.shape)
    let width = scale.count
    Parallel.rows(x.count / width, operations: 4 * width) { range in
      let start = range.lowerBound * width
      uio2_rms_norm(result.storage.base + start, x.pointer + start, scale.pointer, range.count, width, epsilon)
    }
    return result
  }
}

/// Layer norm with weight and bias.
public struct LayerNorm: Sendable {
  /// `[features]`.
  public let weight: Tensor
  /// `[features]`.
  public let bias: Tensor
  public let epsilon: Float

  public init(weight: Tensor, bias: Tensor, epsilon: Float) {
    precondition(weight.count == bias.count, "weight and bias of a layer norm have the same width")
    self.weight = weight
    self.bias = bias
    self.epsilon = epsilon
  }

  /// - Parameter x: `[rows, features]`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    precondition(x.columns == weight.count, "the norm must be as wide as the row")
    let result = Tensor(uninitialized: x.shape)
    let width = x.columns
    Parallel.rows(x.rows, operations: 6 * width) { range in
      let start = range.lowerBound * width
      uio2_layer_norm(
        result.storage.base + start, x.pointer + start, weight.pointer, bias.pointer, range.count, width, epsilon)
    }
    return result
  }
}

extension Tensor {
  /// Scales every group of `width` neighbouring elements to length 1 (cosine attention), in place.
  public mutating func normalizeLength(groupsOf width: Int, epsilon: Float = 1e-12) {
    precondition(width > 0 && count % width == 0, "groups must divide the tensor")
    uio2_l2_normalize(mutablePointer(), count / width, width, epsilon)
  }

  /// Each row becomes `softmax(scale · row)`, in place.
  ///
  /// - Precondition: `scale` is not negative.
  public mutating func applySoftmax(scale: Float) {
    precondition(scale >= 0, "a factor of logits is not negative")
    let columns = columns, base = mutablePointer()
    Parallel.rows(rows, operations: 24 * columns) { range in
      uio2_softmax(base + range.lowerBound * columns, range.count, columns, scale)
    }
  }
}
