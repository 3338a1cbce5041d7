import Tensors

/// Makes a few latents of a frame's patches (paper: the resampler of image and audio history).
struct PerceiverResampler: Sendable {
  private struct Layer: Sendable {
    let attentionNorm: RMSNorm
    let attention: Attention
    let readsPatches: Bool
    let mlpNorm: RMSNorm
    let mlp: PerceiverMLP
  }

  private let contextNorm: RMSNorm
  /// `[latents, embedding]`.
  private let latents: Tensor
  private let layers: [Layer]
  private let norm: RMSNorm

  init(_ weights: WeightScope, _ configuration: ResamplerConfiguration) throws(ModelError) {
    let width = configuration.embeddingSize
    contextNorm = try weights.rmsNorm("context_norm", width)
    latents = try weights.tensor("latents", [configuration.latents, width])
    var layers: [Layer] = []
    for index in 0..<configuration.layers {
      let scope = weights["layers_\(index)"]
      let crosses = configuration.crossAttentionLayers.contains(index)
      let options = Attention.Options(
        heads: configuration.heads, headDimension: configuration.headDimension,
        qkNorm: crosses ? configuration.crossQKNorm : configuration.selfQKNorm,
        scaledCosine: crosses ? configuration.crossScaledCosine : configuration.selfScaledCosine)
      layers.append(
        Layer(
          attentionNorm: try scope.rmsNorm(crosses ? "pre_xattention_norm" : "pre_attention_norm", width),
          attention: try Attention(scope[crosses ? "xattention" : "attention"], options),
          readsPatches: crosses,
          mlpNorm: try scope.rmsNorm("pre_mlp_norm", width),
          mlp: try PerceiverMLP(scope["mlp"], width: width, hidden: configuration.mlpSize)))
    }
    self.layers = layers
    norm = try weights.rmsNorm("perceiver_norm", width)
  }

  /// - Parameter patches: `[patches, embedding]`, only those that show something.
  /// - Returns: `[latents, embedding]`.
  func callAsFunction(_ patches: Tensor) -> Tensor {
    let context = contextNorm(patches)
    var x = latents
    for layer in layers {
      let normalized = layer.attentionNorm(x)
      x += layer.attention(normalized, to: layer.readsPatches ? context : normalized)
      x += layer.mlp(layer.mlpNorm(x))
    }
    return norm(x)
  }
}
