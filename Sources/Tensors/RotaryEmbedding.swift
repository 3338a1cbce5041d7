import CKernels

extension Tensor {
  /// Rotates consecutive pairs by the angles of their positions (rotary embedding, RoFormer; interleaved layout), in place.
  ///
  /// `self` holds queries or keys, `[tokens, heads · headDimension]`; the same angles serve all heads.
  /// - Parameter table: `(cos, sin)` pairs of each token, `[tokens, headDimension]`.
  public mutating func rotate(by table: Tensor) {
    let dimension = table.columns
    precondition(table.rows == rows && columns % dimension == 0, "one row of angles for each token")
    uio2_rotary(mutablePointer(), table.pointer, rows, columns / dimension, dimension)
  }
}
