import CKernels

extension Tensor {
  /// Rotates consecutive pairs by the angles of their positions (rotary embedding, RoFormer; interleaved layout), in place.
  ///
  /// `self` holds queries or keys, `[tokens, heads · headDimension]`; the same angles serve all heads.
  /// - Parameter table: `(cos, sin)` pairs of each token, `[tokens, headDimension]`.
  public mutating func rotate(by table: Tensor) {
    let dimension = table.columns, width = columns
    precondition(table.rows == rows && width % dimension == 0, "one row of angles for each token")
    let base = mutablePointer()
    Parallel.rows(rows, operations: 8 * width) { range in
      uio2_rotary(
        base + range.lowerBound * width, table.pointer + range.lowerBound * dimension, range.count, width / dimension,
        dimension)
    }
  }

  /// ``RMSNorm`` of every head, then ``rotate(by:)``, in one pass, in place.
  public mutating func normalizeAndRotate(_ norm: RMSNorm, by table: Tensor) {
    let dimension = table.columns, width = columns
    precondition(table.rows == rows && width % dimension == 0, "one row of angles for each token")
    precondition(norm.scale.count == dimension, "the norm is a head wide")
    let base = mutablePointer()
    Parallel.rows(rows, operations: 16 * width) { range in
      uio2_norm_rotary(
        base + range.lowerBound * width, norm.scale.pointer, norm.epsilon,
        table.pointer + range.lowerBound * dimension, range.count, width / dimension, dimension)
    }
  }
}
