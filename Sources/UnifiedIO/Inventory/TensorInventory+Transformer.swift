/// Encoder and decoder.
extension TensorInventory {
  mutating func addEncoder(_ configuration: TransformerConfiguration) {
    let width = configuration.embeddingSize
    for index in 0..<configuration.encoderLayers {
      let layer = "encoder.layers_\(index)"
      add("\(layer).pre_attention_norm.scale", [width])
      addAttention("\(layer).attention", configuration)
      add("\(layer).pre_mlp_norm.scale", [width])
      addGatedMLP("\(layer).mlp", configuration)
    }
    add("encoder.encoder_norm.scale", [width])
  }

  mutating func addDecoder(_ configuration: TransformerConfiguration) {
    let width = configuration.embeddingSize
    for index in 0..<configuration.decoderLayers {
      let layer = "decoder.layers_\(index)"
      add("\(layer).pre_self_attention_norm.scale", [width])
      addAttention("\(layer).self_attention", configuration)
      if configuration.hasCrossAttention(layer: index) {
        add("\(layer).pre_cross_attention_norm.scale", [width])
        addAttention("\(layer).encoder_decoder_attention", configuration)
      }
      add("\(layer).pre_mlp_norm.scale", [width])
      addGatedMLP("\(layer).mlp", configuration)
    }
    add("decoder.decoder_norm.scale", [width])
  }

  private mutating func addAttention(_ name: String, _ configuration: TransformerConfiguration) {
    addAttention(
      name, heads: configuration.heads, headDimension: configuration.headDimension, qkNorm: configuration.usesQKNorm,
      scaledCosine: false)
  }

  /// Multi-head attention without biases.
  mutating func addAttention(_ name: String, heads: Int, headDimension: Int, qkNorm: Bool, scaledCosine: Bool) {
    let width = heads * headDimension
    for projection in ["query", "key", "value", "out"] {
      addLinear("\(name).\(projection)", inputs: width, outputs: width)
    }
    if qkNorm {
      add("\(name).query_norm.scale", [headDimension])
      add("\(name).key_norm.scale", [headDimension])
    }
    if scaledCosine { add("\(name).logit_scale", [heads]) }
  }

  private mutating func addGatedMLP(_ name: String, _ configuration: TransformerConfiguration) {
    addLinear("\(name).wi_0", inputs: configuration.embeddingSize, outputs: configuration.mlpSize)
    addLinear("\(name).wi_1", inputs: configuration.embeddingSize, outputs: configuration.mlpSize)
    addLinear("\(name).wo", inputs: configuration.mlpSize, outputs: configuration.embeddingSize)
  }
}
