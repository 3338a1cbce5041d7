import CKernels

/// A linear layer, `y = x Wᵀ (+ b)`.
public struct Linear: Sendable {
  /// `[outputs, inputs]`.
  public let weight: Tensor
  /// `[outputs]`.
  public let bias: Tensor?

  public init(weight: Tensor, bias: Tensor? = nil) {
    precondition(weight.shape.count == 2, "a linear layer's weight is a matrix")
    precondition(bias == nil || bias?.count == weight.shape[0], "the bias has one element an output")
    self.weight = weight
    self.bias = bias
  }

  public var inputs: Int { weight.shape[1] }
  public var outputs: Int { weight.shape[0] }

  /// - Parameter x: `[rows, inputs]`.
  /// - Returns: `[rows, outputs]`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    var y = x.multiplied(byRowsOf: weight, 0..<outputs)
    if let bias { y.add(row: bias) }
    return y
  }
}

extension Tensor {
  /// `self · rows(of: matrix)ᵀ`: the dot product of each row of `self` with the rows `range` of `matrix`.
  ///
  /// - Returns: `[rows, range.count]`.
  public func multiplied(byRowsOf matrix: Tensor, _ range: Range<Int>) -> Tensor {
    precondition(columns == matrix.columns, "inner dimensions must agree")
    precondition(range.lowerBound >= 0 && range.upperBound <= matrix.rows, "rows out of range")
    let result = Tensor(uninitialized: [rows, range.count])
    let weights = matrix.pointer + range.lowerBound * matrix.columns
    if rows == 1 {
      // OpenBLAS repacks the weights on every product; for one row that costs more than the product.
      uio2_matvec(result.storage.base, weights, pointer, range.count, columns)
    } else {
      BLAS.multiplyTransposed(
        pointer, columns, weights, columns, into: result.storage.base, range.count, m: rows, n: range.count, k: columns)
    }
    return result
  }
}
