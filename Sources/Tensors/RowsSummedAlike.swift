extension WeightMatrix {
  /// A product with at most so many rows gives each of them the bits that it has alone.
  ///
  /// 8-bit products are exact in any number. Others go through a kernel that sums every row in the same order as long as the rows are
  /// few; BLAS, which takes more, chooses an order by their number.
  var rowsSummedAlike: Int {
    if case .int8(let weights) = elements, weights.activations != .f32 { return .max }
    return MatrixProduct.fewRows
  }
}

extension Linear {
  /// Rows of different examples may be put into one product up to this number, without one changing another's bits.
  public var rowsSummedAlike: Int { weight.rowsSummedAlike }
}
