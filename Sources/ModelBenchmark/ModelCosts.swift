import Tensors
import UnifiedIO

/// What a step costs by arithmetic, from the configuration alone.
struct ModelCosts {
  let transformer: TransformerConfiguration
  let format: WeightFormat

  /// 8-bit products for one weight and one 15-bit activation, as the decoder has them beside 8-bit weights: where there is an 8-bit dot
  /// product, two.
  let passes: Double

  init(transformer: TransformerConfiguration, format: WeightFormat, kernels: String) {
    self.transformer = transformer
    self.format = format
    passes = format == .int8 && kernels == "avx512vnni" ? 2 : 1
  }

  private var width: Int { transformer.embeddingSize }

  /// Bytes of one weight, scales included.
  private var bytesOfWeight: Double {
    switch format {
    case .f32: 4
    case .bf16: 2
    case .int8: 1 + 4 / Double(WeightOptions.largeBlock)
    }
  }

  /// Bytes of one number of the token embeddings, which also make the logits: never fewer than 16 bits.
  private var bytesOfEmbedding: Double { max(bytesOfWeight, 2) }

  /// Decoder layers with cross-attention.
  private var crossLayers: Int {
    (0..<transformer.decoderLayers).filter { transformer.hasCrossAttention(layer: $0) }.count
  }

  /// Weights of all layers that the decoder reads for one token.
  private var layerWeights: Int {
    transformer.decoderLayers * (4 * width * width + 3 * width * transformer.mlpSize) + crossLayers * 2 * width * width
  }

  /// Keys, and as many values, that the decoder reads for one token of every example: those of the encoder, and those of the tokens that
  /// it said already.
  private func tokenKeys(encoderTokens: [Int], decodedTokens: Int) -> Int {
    crossLayers * encoderTokens.reduce(0, +) + transformer.decoderLayers * decodedTokens * encoderTokens.count
  }

  /// Bytes that the decoder reads for one token of every example: the weights once for all.
  func tokenBytes(encoderTokens: [Int], vocabulary: Int, decodedTokens: Int = 0) -> Double {
    let cache =
      2 * width * (format == .f32 ? 4 : 2) * tokenKeys(encoderTokens: encoderTokens, decodedTokens: decodedTokens)
    return Double(layerWeights) * bytesOfWeight + Double(vocabulary * width) * bytesOfEmbedding + Double(cache)
  }

  /// Operations of the encoder's matrix products (2 a multiply-add).
  func encoderProducts(tokens: Int) -> Double {
    2.0 * Double(tokens) * Double(4 * width * width + 3 * width * transformer.mlpSize)
      * Double(transformer.encoderLayers)
  }

  /// Operations of attention in the encoder.
  func encoderAttention(tokens: Int) -> Double {
    4 * Double(tokens) * Double(tokens) * Double(width) * Double(transformer.encoderLayers)
  }

  /// Milliseconds that the machine's ceilings leave for encoding an example: products in the format's arithmetic, attention in f32.
  func encoderFloor(tokens: Int, _ ceilings: MachineCeilings) -> Double {
    (encoderProducts(tokens: tokens) / arithmetic(ceilings) + encoderAttention(tokens: tokens) / ceilings.f32) * 1e-6
  }

  /// Milliseconds that the machine's ceilings leave for a token of every example: the longer of reading and computing.
  func tokenFloor(encoderTokens: [Int], vocabulary: Int, decodedTokens: Int = 0, _ ceilings: MachineCeilings) -> Double
  {
    let products = 2 * passes * Double(layerWeights * encoderTokens.count)
    let logits = 2 * Double(vocabulary * width * encoderTokens.count)
    let attention = 4 * Double(width * tokenKeys(encoderTokens: encoderTokens, decodedTokens: decodedTokens))
    let computing = products / arithmetic(ceilings) + (logits + attention) / ceilings.f32
    let reading =
      tokenBytes(encoderTokens: encoderTokens, vocabulary: vocabulary, decodedTokens: decodedTokens) / ceilings.read
    return max(computing, reading) * 1e-6
  }

  /// The ceiling of the format's products.
  func arithmetic(_ ceilings: MachineCeilings) -> Double { format == .int8 ? ceilings.int8 : ceilings.f32 }
}
