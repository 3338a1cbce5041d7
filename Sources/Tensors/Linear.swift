import CKernels

/// A linear layer, `y = x Wᵀ (+ b)`.
public struct Linear: Sendable {
  /// `[outputs, inputs]`.
  public let weight: WeightMatrix
  /// `[outputs]`.
  public let bias: Tensor?

  /// A layer whose weights may still be as the file has them.
  public init(weight: WeightMatrix, bias: Tensor? = nil) {
    precondition(bias == nil || bias?.count == weight.rows, "the bias has one element an output")
    self.weight = weight
    self.bias = bias
  }

  /// A layer with 32-bit weights, `[outputs, inputs]`.
  public init(weight: Tensor, bias: Tensor? = nil) {
    self.init(weight: WeightMatrix(weight), bias: bias)
  }

  public var inputs: Int { weight.columns }
  public var outputs: Int { weight.rows }

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
