/// A one-dimensional convolution over a sequence of features `[steps, inputs]`; as many steps come out, with zeros beyond the ends.
///
/// Windows are copied a few thousand at a time into a matrix that fits the processor's cache; see ``MatrixProduct`` for the products.
public struct Convolution1D: Sendable {
  /// `[outputs, kernel · inputs]`.
  private let weight: Tensor
  private let bias: Tensor
  public let inputs: Int
  public let outputs: Int
  public let kernel: Int
  /// Steps from one value of a window to the next.
  public let dilation: Int

  /// - Parameters:
  ///   - weight: `[outputs, inputs, kernel]`.
  ///   - bias: `[outputs]`.
  ///   - dilation: 1: a window is `kernel` neighbouring steps.
  /// - Precondition: the kernel is odd, the bias has one element an output.
  public init(weight: Tensor, bias: Tensor, dilation: Int = 1) {
    precondition(weight.shape.count == 3, "a weight has outputs, inputs and a kernel")
    (outputs, inputs, kernel) = (weight.shape[0], weight.shape[1], weight.shape[2])
    precondition(kernel % 2 == 1 && dilation >= 1, "a window has a middle")
    precondition(bias.count == outputs, "the bias has one element an output")
    self.dilation = dilation
    self.bias = bias
    // The values of a step lie side by side in a window, so those of a tap do in the weight.
    let height = inputs
    let planes = (0..<outputs).map { weight.rows(in: ($0 * height)..<(($0 + 1) * height)).transposed() }
    self.weight = Tensor.stacking(planes).reshaped([outputs, kernel * inputs])
  }

  /// Floats of the window matrix: 2 MiB.
  private static let matrixSize = 1 << 19

  /// - Parameter x: `[steps, inputs]`.
  /// - Returns: `[steps, outputs]`.
  /// - Complexity: O(steps · outputs · inputs · kernel).
  public func callAsFunction(_ x: Tensor) -> Tensor {
    precondition(x.columns == inputs, "the features are as wide as the kernel")
    let steps = x.rows, stepsAtOnce = max(1, Self.matrixSize / (kernel * inputs))
    var parts: [Tensor] = []
    for first in stride(from: 0, to: steps, by: stepsAtOnce) {
      let windows = windows(of: x, first..<min(first + stepsAtOnce, steps))
      parts.append(windows.multiplied(byRowsOf: weight, 0..<outputs))
    }
    var result = parts.count == 1 ? parts[0] : Tensor.stacking(parts)
    result.add(row: bias)
    return result
  }

  /// What each output of a range of steps sees, `[steps, kernel · inputs]`.
  private func windows(of x: Tensor, _ range: Range<Int>) -> Tensor {
    let result = Tensor(uninitialized: [range.count, kernel * inputs]), steps = x.rows
    var target = result.storage.base
    for step in range {
      for tap in 0..<kernel {
        let source = step + (tap - kernel / 2) * dilation
        if source >= 0 && source < steps {
          target.update(from: x.pointer + source * inputs, count: inputs)
        } else {
          target.update(repeating: 0, count: inputs)
        }
        target += inputs
      }
    }
    return result
  }
}
