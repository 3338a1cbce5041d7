import Tensors

/// Residual steps with growing dilations: `x + convolution(leaky(x))`, with a second, plain convolution in blocks of kind "1".
struct VocoderBlock: Sendable {
  private struct Step: Sendable {
    let dilated: Convolution1D
    let plain: Convolution1D?
  }

  private let steps: [Step]

  init(
    _ weights: inout VocoderWeights, _ name: String, _ kind: VocoderConfiguration.Block, channels: Int, kernel: Int,
    dilations: [Int]
  ) throws(ModelError) {
    var steps: [Step] = []
    for (step, dilation) in dilations.enumerated() {
      let list = kind == .double ? "convs1" : "convs"
      let dilated = try weights.convolution(
        "\(name).\(list).\(step)", inputs: channels, outputs: channels, kernel: kernel, dilation: dilation)
      var plain: Convolution1D?
      if kind == .double {
        plain = try weights.convolution(
          "\(name).convs2.\(step)", inputs: channels, outputs: channels, kernel: kernel)
      }
      steps.append(Step(dilated: dilated, plain: plain))
    }
    self.steps = steps
  }

  /// - Parameter x: `[steps, channels]`.
  /// - Returns: the same shape.
  func callAsFunction(_ x: Tensor) -> Tensor {
    var x = x
    for step in steps {
      var hidden = x
      hidden.applyLeakyReLU(slope: Vocoder.slope)
      hidden = step.dilated(hidden)
      if let plain = step.plain {
        hidden.applyLeakyReLU(slope: Vocoder.slope)
        hidden = plain(hidden)
      }
      x += hidden
    }
    return x
  }
}
