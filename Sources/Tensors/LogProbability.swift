import CKernels

extension Tensor {
  /// `log Σ exp(x)` of one row; −∞ for an empty row.
  public func logSumExp(row: Int) -> Float {
    precondition(row >= 0 && row < rows, "row out of range")
    guard columns > 0 else { return -.infinity }
    var maximum: Float = 0
    let sum = uio2_exp_sum(pointer + row * columns, columns, &maximum)
    return maximum + logarithm(sum)
  }
}

extension [Float] {
  /// `log Σ exp(x)` in 32-bit floats; −∞ for none.
  public var logSumExp: Float {
    withUnsafeBufferPointer { values in
      guard let base = values.baseAddress, !values.isEmpty else { return -.infinity }
      var maximum: Float = 0
      let sum = uio2_exp_sum(base, values.count, &maximum)
      return maximum + logarithm(sum)
    }
  }
}

#if canImport(Glibc)
  import Glibc
  private func logarithm(_ x: Float) -> Float { logf(x) }
#endif
