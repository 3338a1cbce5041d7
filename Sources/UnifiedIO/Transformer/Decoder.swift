import Tensors

/// What the decoder reads of the encoder, computed once an answer: cross-attention keys and values of each layer.
///
/// The reference computes them again for every token.
struct CrossMemory: Sendable {
  let keys: Tensor
  let values: Tensor
}

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
    selfAttention = try Attention(weights["self_attention"], options)
    cross =
      crossAttention
      ? Cross(
        norm: try weights.rmsNorm("pre_cross_attention_norm", width),
        attention: try Attention(weights["encoder_decoder_attention"], options)) : nil
    mlpNorm = try weights.rmsNorm("pre_mlp_norm", width)
    mlp = try GatedMLP(weights["mlp"], width: width, hidden: configuration.mlpSize)
  }

  /// Keys and values of the encoder's output for this layer; `nil` where the layer has no cross-attention.
  func memory(of encoded: Tensor, rotary: Tensor) -> CrossMemory? {
    cross.map {
      CrossMemory(keys: $0.attention.keys(encoded, rotary), values: $0.attention.value(encoded))
    }
  }

  /// - Parameters:
  ///   - x: the new tokens, `[tokens, embedding]`.
  ///   - rotary: their angles, `[tokens, headDimension]`.
  ///   - cache: keys and values of the tokens before; the new ones are appended.
  func callAsFunction(_ x: Tensor, rotary: Tensor, cache: inout AttentionCache, memory: CrossMemory?) -> Tensor {
    var x = x
    x += attendToItself(selfNorm(x), rotary: rotary, cache: &cache)
    if let cross, let memory {
      let queries = cross.attention.queries(cross.norm(x), rotary)
      x += cross.attention.attend(queries, keys: memory.keys, values: memory.values, keyCount: memory.keys.rows)
    }
    x += mlp(mlpNorm(x))
    return x
  }

  private func attendToItself(_ x: Tensor, rotary: Tensor, cache: inout AttentionCache) -> Tensor {
    let before = cache.count
    cache.append(keys: selfAttention.keys(x, rotary), values: selfAttention.value(x))
    return selfAttention.attend(
      selfAttention.queries(x, rotary), keys: cache.keys, values: cache.values, keyCount: cache.count,
      causalOffset: before)
  }
}

/// The decoder: plain causal attention in every layer. (The reference builds DALL·E patterns but never applies them.)
struct Decoder: Sendable {
  let layers: [DecoderLayer]
  let norm: RMSNorm

  init(_ weights: WeightScope, _ configuration: TransformerConfiguration) throws(ModelError) {
    var layers: [DecoderLayer] = []
    for index in 0..<configuration.decoderLayers {
      layers.append(
        try DecoderLayer(
          weights["layers_\(index)"], configuration, crossAttention: configuration.hasCrossAttention(layer: index)))
    }
    self.layers = layers
    norm = try weights.rmsNorm("decoder_norm", configuration.embeddingSize)
  }

  /// Feeds new tokens.
  ///
  /// - Parameters:
  ///   - x: embedded tokens, `[tokens, embedding]`.
  ///   - rotary: `[tokens, headDimension]`.
  /// - Returns: `[tokens, embedding]` after `decoder_norm`.
  func callAsFunction(_ x: Tensor, rotary: Tensor, state: inout DecoderState, probe: Probe? = nil) -> Tensor {
    var x = x
    for (index, layer) in layers.enumerated() {
      x = layer(x, rotary: rotary, cache: &state.caches[index], memory: state.memories[index])
      probe?("decoder_layer\(index)", x)
    }
    x = norm(x)
    probe?("decoder_final", x)
    return x
  }
}

/// The decoder's run state: what it said so far, as keys and values, and what it reads of the encoder.
struct DecoderState: Sendable {
  var caches: [AttentionCache]
  let memories: [CrossMemory?]
  var count: Int { caches.first?.count ?? 0 }
}
