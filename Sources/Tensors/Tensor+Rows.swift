extension Tensor {
  /// The elements of one row.
  public func row(_ index: Int) -> [Float] {
    precondition(index >= 0 && index < rows, "row out of range")
    return Array(UnsafeBufferPointer(start: pointer + index * columns, count: columns))
  }

  /// Rows `range` of a matrix as a matrix of its own, `[range.count, columns]`.
  public func rows(in range: Range<Int>) -> Tensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows out of range")
    let result = Tensor(uninitialized: [range.count, columns])
    result.storage.base.initialize(from: pointer + range.lowerBound * columns, count: range.count * columns)
    return result
  }

  /// The named rows in the named order, `[indices.count, columns]`; an embedding look-up.
  public func gatheringRows(_ indices: [Int]) -> Tensor {
    let result = Tensor(uninitialized: [indices.count, columns])
    let columns = columns, rows = rows
    for (target, source) in indices.enumerated() {
      precondition(source >= 0 && source < rows, "row out of range")
      (result.storage.base + target * columns).initialize(from: pointer + source * columns, count: columns)
    }
    return result
  }

  /// Matrices with the same number of columns, one below the other.
  public static func stacking(_ parts: [Tensor]) -> Tensor {
    let columns = parts.first?.columns ?? 0
    let result = Tensor(uninitialized: [parts.reduce(0) { $0 + $1.rows }, columns])
    var target = result.storage.base
    for part in parts {
      precondition(part.columns == columns, "stacked matrices must have the same number of columns")
      target.initialize(from: part.pointer, count: part.count)
      target += part.count
    }
    return result
  }

  /// Matrices with the same number of rows, side by side.
  public static func concatenatingColumns(_ left: Tensor, _ right: Tensor) -> Tensor {
    precondition(left.rows == right.rows, "matrices side by side must have the same number of rows")
    let width = left.columns + right.columns
    let result = Tensor(uninitialized: [left.rows, width])
    for row in 0..<left.rows {
      let target = result.storage.base + row * width
      target.initialize(from: left.pointer + row * left.columns, count: left.columns)
      (target + left.columns).initialize(from: right.pointer + row * right.columns, count: right.columns)
    }
    return result
  }
}
