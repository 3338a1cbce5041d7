import Tensors

/// The group norm of the VQGAN.
private func groupNorm(_ weights: WeightScope, _ name: String, _ channels: Int) throws(ModelError) -> GroupNorm {
  GroupNorm(
    weight: try weights.tensor(name + ".weight", [channels]), bias: try weights.tensor(name + ".bias", [channels]),
    groups: ImageTokenizerConfiguration.groups, epsilon: 1e-6)
}

/// Two convolutions around a short cut: `x' + conv2(silu(norm2(conv1(silu(norm1 x)))))`.
struct ResidualBlock: Sendable {
  private let norm1: GroupNorm
  private let convolution1: Convolution
  private let norm2: GroupNorm
  private let convolution2: Convolution
  /// Where the channels change.
  private let shortcut: Convolution?

  init(_ weights: WeightScope, inputs: Int, outputs: Int) throws(ModelError) {
    norm1 = try groupNorm(weights, "norm1", inputs)
    convolution1 = try weights.convolution("conv1", inputs: inputs, outputs: outputs, kernel: 3)
    norm2 = try groupNorm(weights, "norm2", outputs)
    convolution2 = try weights.convolution("conv2", inputs: outputs, outputs: outputs, kernel: 3)
    shortcut =
      inputs == outputs ? nil : try weights.convolution("nin_shortcut", inputs: inputs, outputs: outputs, kernel: 1)
  }

  /// - Parameter x: `[inputs, height, width]`.
  /// - Returns: `[outputs, height, width]`.
  func callAsFunction(_ x: consuming Tensor) -> Tensor {
    let hidden = convolution1(x, of: norm1)
    // Large maps: the sum takes the memory of what goes around.
    var sum = if let shortcut { shortcut(x) } else { consume x }
    convolution2.add(hidden, of: norm2, to: &sum)
    return sum
  }
}

/// Attention with one head over all pixels: `x + proj_out(softmax(q·k / √channels) v)`.
struct PixelAttention: Sendable {
  private let norm: GroupNorm
  private let query: Convolution
  private let key: Convolution
  private let value: Convolution
  private let output: Convolution

  init(_ weights: WeightScope, channels: Int) throws(ModelError) {
    norm = try groupNorm(weights, "norm", channels)
    query = try weights.convolution("q", inputs: channels, outputs: channels, kernel: 1)
    key = try weights.convolution("k", inputs: channels, outputs: channels, kernel: 1)
    value = try weights.convolution("v", inputs: channels, outputs: channels, kernel: 1)
    output = try weights.convolution("proj_out", inputs: channels, outputs: channels, kernel: 1)
  }

  /// Most entries of the matrix of logits that is held at a time.
  private static let logitLimit = 1 << 21

  /// Logits are stored, unlike those of the transformers: one head of hundreds of features is nearly all products of matrices.
  ///
  /// - Parameter x: `[channels, height, width]`.
  /// - Returns: the same shape.
  func callAsFunction(_ x: Tensor) -> Tensor {
    let channels = x.shape[0], pixels = x.count / channels
    let normalized = norm(x)
    func map(_ projection: Convolution) -> Tensor { projection(normalized).reshaped([channels, pixels]) }
    let queries = map(query).transposed(), keys = map(key).transposed(), values = map(value)
    let count = max(1, Self.logitLimit / pixels)
    var parts: [Tensor] = []
    for start in stride(from: 0, to: pixels, by: count) {
      var weights = queries.rows(in: start..<min(start + count, pixels)).multiplied(byRowsOf: keys, 0..<pixels)
      weights.applySoftmax(scale: 1 / Float(channels).squareRoot())
      parts.append(weights.multiplied(byRowsOf: values, 0..<channels))
    }
    var result = output(Tensor.stacking(parts).transposed().reshaped(x.shape))
    result += x
    return result
  }
}

/// Group norm, SiLU and the last convolution of either half.
struct ImageTokenizerHead: Sendable {
  private let norm: GroupNorm
  private let convolution: Convolution

  init(_ weights: WeightScope, inputs: Int, outputs: Int) throws(ModelError) {
    norm = try groupNorm(weights, "norm_out", inputs)
    convolution = try weights.convolution("conv_out", inputs: inputs, outputs: outputs, kernel: 3)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    convolution(x, of: norm)
  }
}

/// The blocks of the coarsest level: residual, attention, residual.
struct ImageTokenizerMiddle: Sendable {
  private let block1: ResidualBlock
  private let attention: PixelAttention
  private let block2: ResidualBlock

  init(_ weights: WeightScope, channels: Int) throws(ModelError) {
    block1 = try ResidualBlock(weights["mid_block_1"], inputs: channels, outputs: channels)
    attention = try PixelAttention(weights["mid_attn_1"], channels: channels)
    block2 = try ResidualBlock(weights["mid_block_2"], inputs: channels, outputs: channels)
  }

  func callAsFunction(_ x: Tensor, probe: Probe?, prefix: String) -> Tensor {
    let attended = attention(block1(x))
    probe?("\(prefix).mid_attn_1", attended)
    let result = block2(attended)
    probe?("\(prefix).mid_block_2", result)
    return result
  }
}
