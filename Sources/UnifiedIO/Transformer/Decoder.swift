import Tensors

/// One decoder layer; some have no cross-attention (`decoder_xattention_internval`).
struct DecoderLayer: Sendable {
  struct Cross: Sendable {
    let norm: RMSNorm
    let attention: Attention
  }

  let selfNorm: RMSNorm
  let selfAttention: Attention
  let cross: Cross?
  let mlpNorm: RMSNorm
  let mlp: GatedMLP

  init(_ weights: WeightScope, _ configuration: TransformerConfiguration, crossAttention: Bool) throws(ModelError) {
    let width = configuration.embeddingSize
    let options = Attention.Options(
      heads: configuration.heads, headDimension: configuration.headDimension, qkNorm: configuration.usesQKNorm)
    selfNorm = try weights.rmsNorm("pre_self_attention_norm", width)
    selfAttention = try Attention(weights["self_attention"].fine, options)
    cross =
      crossAttention
      ? Cross(
        norm: try weights.rmsNorm("pre_cross_attention_norm", width),
        // Its keys and values are computed for all of the encoder's tokens at once.
        attention: try Attention(weights["encoder_decoder_attention"], options, queries: \.fine)) : nil
    mlpNorm = try weights.rmsNorm("pre_mlp_norm", width)
    mlp = try GatedMLP(weights["mlp"].fine, width: width, hidden: configuration.mlpSize)
  }

  /// Keys and values of the encoder's output for this layer; `nil` where the layer has no cross-attention.
  ///
  /// Computed once an answer; the reference computes them again for every token.
  func memory(of encoded: Tensor, rotary: Tensor, precision: CachePrecision) -> AttentionCache? {
    cross?.attention.memory(of: encoded, rotary: rotary, precision: precision)
  }

  /// - Parameters:
  ///   - x: the new tokens, `[Σ counts, embedding]`, the examples one below the other.
  ///   - rotary: their angles, `[Σ counts, headDimension]`.
  ///   - counts: new tokens of each example.
  ///   - states: of each example; the new keys and values are appended.
  ///   - index: this layer's place.
  func callAsFunction(
    _ x: Tensor, rotary: Tensor, counts: [Int], states: inout [DecoderState], index: Int
  ) -> Tensor {
    var x = x
    x += selfAttention.extend(selfNorm(x), rotary: rotary, counts: counts, states: &states, layer: index)
    if let cross {
      let memories = states.compactMap { $0.memories[index] }
      x += cross.attention.read(cross.norm(x), rotary: rotary, counts: counts, memories: memories)
    }
    x += mlp(mlpNorm(x))
    return x
  }
}

/// The decoder: plain causal attention in every layer. (The reference builds DALL·E patterns but never applies them.)
struct Decoder: Sendable {
  let layers: [DecoderLayer]
  let norm: RMSNorm
  /// So many rows may go through the decoder together without one changing another's bits.
  let rowsSummedAlike: Int

  init(_ weights: WeightScope, _ configuration: TransformerConfiguration) throws(ModelError) {
    var layers: [DecoderLayer] = []
    for index in 0..<configuration.decoderLayers {
      layers.append(
        try DecoderLayer(
          weights["layers_\(index)"], configuration, crossAttention: configuration.hasCrossAttention(layer: index)))
    }
    self.layers = layers
    norm = try weights.rmsNorm("decoder_norm", configuration.embeddingSize)
    rowsSummedAlike = layers.reduce(.max) { min($0, $1.rowsSummedAlike) }
  }

  /// Feeds new tokens to one or several examples.
  ///
  /// - Parameters:
  ///   - x: embedded tokens, `[Σ counts, embedding]`, the examples one below the other.
  ///   - rotary: `[Σ counts, headDimension]`.
  ///   - counts: new tokens of each example.
  ///   - states: of each example.
  /// - Returns: `[Σ counts, embedding]` after `decoder_norm`.
  func callAsFunction(
    _ x: Tensor, rotary: Tensor, counts: [Int], states: inout [DecoderState], probe: Probe? = nil
  ) -> Tensor {
    var x = x
    for (index, layer) in layers.enumerated() {
      x = layer(x, rotary: rotary, counts: counts, states: &states, index: index)
      probe?("decoder_layer\(index)", x)
    }
    x = norm(x)
    probe?("decoder_final", x)
    return x
  }
}

/// The decoder's run state of one example: what it said so far, as keys and values, and what it reads of the encoder.
struct DecoderState: Sendable {
  /// One a layer.
  var caches: [AttentionCache]
  /// One a layer; `nil` where it has no cross-attention.
  let memories: [AttentionCache?]
  var count: Int { caches.first?.count ?? 0 }
}
