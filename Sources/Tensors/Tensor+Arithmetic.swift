import CKernels

extension Tensor {
  /// Element-wise sum of tensors with the same count; the residual connection.
  public static func += (left: inout Tensor, right: Tensor) {
    precondition(left.count == right.count, "added tensors must have the same number of elements")
    left.updateParts(operations: 2) { uio2_add($0, right.pointer + $1.lowerBound, $1.count) }
  }

  /// Adds one row to every row.
  public mutating func add(row: Tensor) {
    precondition(row.count == columns, "the added row must be as wide as the matrix")
    let base = mutablePointer(), width = columns
    Parallel.rows(rows, operations: 2 * width) { range in
      uio2_add_bias(base + range.lowerBound * width, row.pointer, range.count, width)
    }
  }

  /// Multiplies every element.
  public static func *= (left: inout Tensor, factor: Float) {
    uio2_scale(left.mutablePointer(), factor, left.count)
  }

  /// `silu(self) · up`, the gate of a gated MLP, in place.
  public mutating func applySiLUGate(_ up: Tensor) {
    precondition(count == up.count, "gate and value must have the same number of elements")
    updateParts(operations: 30) { uio2_silu_multiply($0, up.pointer + $1.lowerBound, $1.count) }
  }

  /// The exact GELU, `x/2 · (1 + erf(x/√2))`, in place.
  public mutating func applyGELU() {
    updateParts(operations: 50) { uio2_gelu_erf($0, $1.count) }
  }

  /// The tanh approximation of GELU, in place.
  public mutating func applyTanhGELU() {
    updateParts(operations: 40) { uio2_gelu_tanh($0, $1.count) }
  }

  /// Calls `body` for parts of the elements, each with a pointer to its first one, on several threads where it is worth it.
  ///
  /// - Parameter operations: of one element, roughly.
  mutating func updateParts(operations: Int, _ body: (UnsafeMutablePointer<Float>, Range<Int>) -> Void) {
    let base = mutablePointer()
    Parallel.rows(count, operations: operations, unit: 64) { body(base + $0.lowerBound, $0) }
  }
}
