/// A one-dimensional transposed convolution over a sequence of features `[steps, inputs]`: it spreads every step over `kernel`
/// neighbouring ones of a sequence that is `stride` times as long.
public struct TransposedConvolution1D: Sendable {
  /// `[kernel · outputs, inputs]`.
  private let weight: Tensor
  private let bias: Tensor
  public let inputs: Int
  public let outputs: Int
  public let kernel: Int
  /// Steps that come out for one that goes in.
  public let stride: Int

  /// - Parameters:
  ///   - weight: `[inputs, outputs, kernel]`.
  ///   - bias: `[outputs]`.
  ///   - stride: steps that come out for one that goes in.
  /// - Precondition: the kernel is longer than the stride by an even number (or not at all), half of which is cut off at each end;
  ///   the bias has one element an output.
  public init(weight: Tensor, bias: Tensor, stride: Int) {
    precondition(weight.shape.count == 3, "a weight has inputs, outputs and a kernel")
    (inputs, outputs, kernel) = (weight.shape[0], weight.shape[1], weight.shape[2])
    precondition(stride >= 1 && kernel >= stride && (kernel - stride) % 2 == 0, "kernel and stride fit each other")
    precondition(bias.count == outputs, "the bias has one element an output")
    self.stride = stride
    self.bias = bias
    // `[inputs, outputs, kernel]` to `[kernel, outputs, inputs]`: all outputs of a tap lie side by side in a product.
    let height = outputs, count = kernel * outputs
    let planes = (0..<inputs).map {
      weight.rows(in: ($0 * height)..<(($0 + 1) * height)).transposed().reshaped([1, count])
    }
    self.weight = Tensor.stacking(planes).transposed()
  }

  /// - Parameter x: `[steps, inputs]`.
  /// - Returns: `[steps · stride, outputs]`.
  /// - Complexity: O(steps · outputs · inputs · kernel).
  public func callAsFunction(_ x: Tensor) -> Tensor {
    precondition(x.columns == inputs, "the features are as wide as the kernel")
    let spread = x.multiplied(byRowsOf: weight, 0..<(kernel * outputs))
    let steps = x.rows, padding = (kernel - stride) / 2
    var result = Tensor(zeros: [steps * stride, outputs])
    let target = result.mutablePointer()
    for step in 0..<steps {
      for tap in 0..<kernel {
        let place = step * stride + tap - padding
        guard place >= 0 && place < steps * stride else { continue }
        let source = spread.pointer + (step * kernel + tap) * outputs, sum = target + place * outputs
        for output in 0..<outputs { sum[output] += source[output] }
      }
    }
    result.add(row: bias)
    return result
  }
}
