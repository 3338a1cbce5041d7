import Tensors
import UnifiedIO

/// What a step costs by arithmetic, from the configuration alone.
struct ModelCosts {
  let transformer: TransformerConfiguration
  let format: WeightFormat

  private var width: Int { transformer.embeddingSize }

  /// Bytes of one weight, scales included.
  private var bytesOfWeight: Double {
    switch format {
    case .f32: 4
    case .bf16: 2
    case .int8: 1 + 4 / Double(WeightOptions.largeBlock)
    }
  }

  /// Bytes that the decoder reads for one token: weights of all layers and of the logits, once for all examples, and each example's
  /// cross-attention keys and values, and those of the tokens that it said already.
  func tokenBytes(encoderTokens: [Int], vocabulary: Int, decodedTokens: Int = 0) -> Double {
    let crossLayers = (0..<transformer.decoderLayers).filter { transformer.hasCrossAttention(layer: $0) }.count
    let weights =
      transformer.decoderLayers * (4 * width * width + 3 * width * transformer.mlpSize)
      + crossLayers * 2 * width * width + vocabulary * width
    let cacheBytes = format == .f32 ? 4 : 2
    let own = transformer.decoderLayers * decodedTokens * encoderTokens.count
    let cache = 2 * width * cacheBytes * (crossLayers * encoderTokens.reduce(0, +) + own)
    return Double(weights) * bytesOfWeight + Double(cache)
  }

  /// Operations of the encoder (2 a multiply-add), attention included.
  func encoderOperations(tokens: Int) -> Double {
    let products = 2.0 * Double(tokens) * Double(4 * width * width + 3 * width * transformer.mlpSize)
    return Double(transformer.encoderLayers) * (products + 4 * Double(tokens) * Double(tokens) * Double(width))
  }
}
