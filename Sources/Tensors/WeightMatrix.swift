import CKernels

/// A matrix of weights, `[rows, columns]`: 32-bit floats, or bfloat16 as the file has it, widened only where a product or a look-up needs it.
public struct WeightMatrix: Sendable {
  private enum Elements: Sendable {
    case widened(Tensor)
    case stored(BrainFloats)
  }

  public let rows: Int
  public let columns: Int
  private let elements: Elements

  /// 32-bit weights.
  ///
  /// - Precondition: `tensor` has two dimensions.
  public init(_ tensor: Tensor) {
    precondition(tensor.shape.count == 2, "a weight matrix has two dimensions")
    rows = tensor.shape[0]
    columns = tensor.shape[1]
    elements = .widened(tensor)
  }

  init(_ halves: BrainFloats, rows: Int, columns: Int) {
    precondition(halves.count == rows * columns, "element count must be the product of the shape")
    self.rows = rows
    self.columns = columns
    elements = .stored(halves)
  }

  /// How the weights are kept; 32-bit weights count as widened.
  public var residency: WeightResidency {
    switch elements {
    case .widened: .widened
    case .stored: .stored
    }
  }

  /// All weights as 32-bit floats, `[rows, columns]`; a copy where they are stored in less.
  public func widened() -> Tensor {
    switch elements {
    case .widened(let tensor): return tensor
    case .stored(let halves):
      let result = Tensor(uninitialized: [rows, columns])
      uio2_bf16_to_f32(result.storage.base, halves.base, halves.count)
      return result
    }
  }

  /// The named rows in the named order, `[indices.count, columns]`; an embedding look-up.
  public func gatheringRows(_ indices: [Int]) -> Tensor {
    switch elements {
    case .widened(let tensor): return tensor.gatheringRows(indices)
    case .stored(let halves):
      let result = Tensor(uninitialized: [indices.count, columns])
      for (target, source) in indices.enumerated() {
        precondition(source >= 0 && source < rows, "row out of range")
        uio2_bf16_to_f32(result.storage.base + target * columns, halves.base + source * columns, columns)
      }
      return result
    }
  }

  /// `x · self[range]ᵀ`.
  ///
  /// - Parameter x: `[n, columns]`.
  /// - Returns: `[n, range.count]`.
  func product(of x: Tensor, _ range: Range<Int>) -> Tensor {
    precondition(x.columns == columns, "inner dimensions must agree")
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows out of range")
    switch elements {
    case .widened(let tensor):
      return x.multiplied(byRowsOf: tensor, range)
    case .stored(let halves):
      let result = Tensor(uninitialized: [x.rows, range.count])
      let weights = halves.base + range.lowerBound * columns
      if x.rows == 1 {
        uio2_bf16_matvec(result.storage.base, weights, x.pointer, range.count, columns)
      } else {
        multiplyPanels(of: weights, count: range.count, by: x, into: result)
      }
      return result
    }
  }

  /// Floats of one panel: small enough to stay in the cache between widening and product, large enough for the product's own blocking.
  private static let panelSize = 256 << 10

  /// Widens some rows at a time into scratch memory and leaves the product to BLAS.
  private func multiplyPanels(of weights: UnsafePointer<UInt16>, count: Int, by x: Tensor, into result: Tensor) {
    guard count > 0, columns > 0, x.rows > 0 else {
      result.storage.base.update(repeating: 0, count: result.count)
      return
    }
    let height = min(count, max(16, Self.panelSize / columns / 16 * 16))
    let panel = Tensor(uninitialized: [height, columns])
    var row = 0
    while row < count {
      let taken = min(height, count - row)
      uio2_bf16_to_f32(panel.storage.base, weights + row * columns, taken * columns)
      BLAS.multiplyTransposed(
        x.pointer, columns, panel.pointer, columns, into: result.storage.base + row, count, m: x.rows, n: taken,
        k: columns)
      row += taken
    }
  }
}

extension Tensor {
  /// `self · rows(of: matrix)ᵀ`: the dot product of each row of `self` with the rows `range` of `matrix`.
  ///
  /// - Returns: `[rows, range.count]`.
  public func multiplied(byRowsOf matrix: WeightMatrix, _ range: Range<Int>) -> Tensor {
    matrix.product(of: self, range)
  }
}
