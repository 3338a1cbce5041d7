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
  public func callAsFunction(_ x: Tensor) -> Tensor { Self.each([self], of: x)[0] }

  /// Several layers of the same input: what can be prepared of it is prepared once, and the threads share all the work.
  ///
  /// - Parameter x: `[rows, inputs]`.
  /// - Returns: `[rows, outputs]` of each layer.
  public static func each(_ layers: [Linear], of x: Tensor) -> [Tensor] {
    var results = MatrixProduct.of(x, layers.map { ($0.weight, 0..<$0.outputs) })
    for (index, layer) in layers.enumerated() {
      if let bias = layer.bias { results[index].add(row: bias) }
    }
    return results
  }
}
