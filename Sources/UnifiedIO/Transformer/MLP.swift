import Tensors

/// The gated MLP of encoder and decoder: `wo(silu(wi_0 x) · wi_1 x)`.
struct GatedMLP: Sendable {
  let gate: Linear
  let up: Linear
  let down: Linear

  init(_ weights: WeightScope, width: Int, hidden: Int) throws(ModelError) {
    gate = try weights.linear("wi_0", inputs: width, outputs: hidden)
    up = try weights.linear("wi_1", inputs: width, outputs: hidden)
    down = try weights.linear("wo", inputs: hidden, outputs: width)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    var projected = Linear.each([gate, up], of: x)
    projected[0].applySiLUGate(projected[1])
    return down(projected[0])
  }
}

/// The perceiver's MLP, `wo(gelu(wi x))` with the exact GELU (the PyTorch port; JAX has the tanh form, which differs by 1e-3).
struct PerceiverMLP: Sendable {
  let up: Linear
  let down: Linear

  init(_ weights: WeightScope, width: Int, hidden: Int) throws(ModelError) {
    up = try weights.linear("wi", inputs: width, outputs: hidden)
    down = try weights.linear("wo", inputs: hidden, outputs: width)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    var hidden = up(x)
    hidden.applyGELU()
    return down(hidden)
  }
}
