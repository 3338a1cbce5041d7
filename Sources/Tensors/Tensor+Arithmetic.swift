import CKernels

extension Tensor {
  /// Element-wise sum of tensors with the same count; the residual connection.
  public static func += (left: inout Tensor, right: Tensor) {
    precondition(left.count == right.count, "added tensors must have the same number of elements")
    uio2_add(left.mutablePointer(), right.pointer, left.count)
  }

  /// Adds one row to every row.
  public mutating func add(row: Tensor) {
    precondition(row.count == columns, "the added row must be as wide as the matrix")
    uio2_add_bias(mutablePointer(), row.pointer, rows, columns)
  }

  /// Multiplies every element.
  public static func *= (left: inout Tensor, factor: Float) {
    uio2_scale(left.mutablePointer(), factor, left.count)
  }

  /// `silu(self) · up`, the gate of a gated MLP, in place.
  public mutating func applySiLUGate(_ up: Tensor) {
    precondition(count == up.count, "gate and value must have the same number of elements")
    uio2_silu_multiply(mutablePointer(), up.pointer, count)
  }

  /// The exact GELU, `x/2 · (1 + erf(x/√2))`, in place.
  public mutating func applyGELU() {
    uio2_gelu_erf(mutablePointer(), count)
  }

  /// The tanh approximation of GELU, in place.
  public mutating func applyTanhGELU() {
    uio2_gelu_tanh(mutablePointer(), count)
  }
}
