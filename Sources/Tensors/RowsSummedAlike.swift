extension WeightMatrix {
  /// A product with at most so many rows gives each of them the bits that it has alone.
  ///
  /// 8-bit products are exact in any number. Others go through a kernel that sums every row in the same order as long as the rows are
  /// few; that for many rows has another order.
  var rowsSummedAlike: Int {
    if case .int8(let weights) = elements, weights.activations != .f32 { return .max }
    return MatrixProduct.fewRows
  }
}

extension Linear {
  /// More rows than so many are summed alike, each of them, whatever their number.
  public static var fewRows: Int { MatrixProduct.fewRows }

  /// Rows of different examples may be put into one product up to this number, without one changing another's bits.
  public var rowsSummedAlike: Int { weight.rowsSummedAlike }
}
