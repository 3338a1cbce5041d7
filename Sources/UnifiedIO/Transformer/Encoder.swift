import Tensors

/// A look at tensors on the way, by the names of the reference's goldens; `nil` costs nothing.
public typealias Probe = (_ name: String, _ tensor: Tensor) -> Void

/// One encoder layer.
struct EncoderLayer: Sendable {
  let attentionNorm: RMSNorm
  let attention: Attention
  let mlpNorm: RMSNorm
  let mlp: GatedMLP

  init(_ weights: WeightScope, _ configuration: TransformerConfiguration) throws(ModelError) {
    let width = configuration.embeddingSize
    attentionNorm = try weights.rmsNorm("pre_attention_norm", width)
    attention = try Attention(
      weights["attention"],
      .init(
        heads: configuration.heads, headDimension: configuration.headDimension, qkNorm: configuration.usesQKNorm))
    mlpNorm = try weights.rmsNorm("pre_mlp_norm", width)
    mlp = try GatedMLP(weights["mlp"], width: width, hidden: configuration.mlpSize)
  }

  /// - Parameters:
  ///   - x: `[tokens, embedding]`, the examples one below the other.
  ///   - rotary: `[tokens, headDimension]`.
  ///   - lengths: tokens of each example.
  func callAsFunction(_ x: Tensor, rotary: Tensor, lengths: [Int]) -> Tensor {
    var x = x
    x += attention(attentionNorm(x), rotary: rotary, lengths: lengths)
    x += mlp(mlpNorm(x))
    return x
  }
}

/// The encoder over the concatenation of all present modalities (paper §3.1).
struct Encoder: Sendable {
  let layers: [EncoderLayer]
  let norm: RMSNorm

  init(_ weights: WeightScope, _ configuration: TransformerConfiguration) throws(ModelError) {
    var layers: [EncoderLayer] = []
    for index in 0..<configuration.encoderLayers {
      layers.append(try EncoderLayer(weights["layers_\(index)"], configuration))
    }
    self.layers = layers
    norm = try weights.rmsNorm("encoder_norm", configuration.embeddingSize)
  }

  /// - Parameters:
  ///   - x: `[tokens, embedding]`, the examples one below the other; padding was dropped, so every token of an example sees
  ///     every other.
  ///   - rotary: `[tokens, headDimension]`.
  ///   - lengths: tokens of each example; products are computed for all of them together, attention for each alone.
  func callAsFunction(_ x: Tensor, rotary: Tensor, lengths: [Int], probe: Probe? = nil) -> Tensor {
    var x = x
    for (index, layer) in layers.enumerated() {
      x = layer(x, rotary: rotary, lengths: lengths)
      probe?("encoder_layer\(index)", x)
    }
    x = norm(x)
    probe?("encoder_final", x)
    return x
  }
}
