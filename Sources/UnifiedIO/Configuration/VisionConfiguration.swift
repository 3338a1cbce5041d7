/// `image_vit_cfg`, `audio_vit_cfg`: the transformer over patches.
public struct VisionConfiguration: Decodable, Sendable, Hashable {
  public var patchSize: Int
  public var embeddingSize: Int
  public var heads: Int
  public var headDimension: Int
  public var layers: Int
  public var mlpSize: Int
  /// Rows of the image position table, the class token's included; absent for audio.
  public var positionCount: Int?

  enum CodingKeys: String, CodingKey {
    case patchSize = "patch_size"
    case embeddingSize = "emb_dim"
    case heads = "num_heads"
    case headDimension = "head_dim"
    case layers = "num_layers"
    case mlpSize = "mlp_dim"
    case positionCount = "num_pos"
  }

  func validate(_ key: String) throws(ModelError) {
    guard patchSize > 0, heads > 0, headDimension > 0, mlpSize > 0, embeddingSize < 1 << 20 else {
      throw ModelError(.invalidConfiguration, key, "sizes must be positive")
    }
    guard heads * headDimension == embeddingSize else {
      throw ModelError(
        .invalidConfiguration, "\(key).emb_dim",
        "must be num_heads · head_dim = \(heads * headDimension), found \(embeddingSize)")
    }
    // The second block's output is one of the two features that the encoder reads.
    guard layers >= 2 else {
      throw ModelError(.invalidConfiguration, "\(key).num_layers", "must be at least 2, found \(layers)")
    }
    if let positionCount {
      let side = Int(Double(positionCount - 1).squareRoot().rounded())
      guard positionCount > 1, side * side == positionCount - 1 else {
        throw ModelError(.invalidConfiguration, "\(key).num_pos", "must be 1 + a square, found \(positionCount)")
      }
    }
  }
}

/// `image_history_cfg`, `audio_history_cfg`: the perceiver that makes a few latents of each frame.
public struct ResamplerConfiguration: Decodable, Sendable, Hashable {
  public var maximumFrames: Int
  /// Latents of one frame.
  public var latents: Int
  public var embeddingSize: Int
  public var heads: Int
  public var headDimension: Int
  public var layers: Int
  /// Layers that attend to the patches; the others attend to the latents themselves.
  public var crossAttentionLayers: [Int]
  public var mlpSize: Int
  public var crossQKNorm: Bool
  public var crossScaledCosine: Bool
  public var selfQKNorm: Bool
  public var selfScaledCosine: Bool

  enum CodingKeys: String, CodingKey {
    case maximumFrames = "max_frames"
    case latents = "latents_size"
    case embeddingSize = "emb_dim"
    case heads = "num_heads"
    case headDimension = "head_dim"
    case layers = "num_layers"
    case crossAttentionLayers = "xattention_index"
    case mlpSize = "mlp_dim"
    case crossQKNorm = "xattn_qk_norm"
    case crossScaledCosine = "xattn_scaled_cosine"
    case selfQKNorm = "attn_qk_norm"
    case selfScaledCosine = "attn_scaled_cosine"
  }

  func validate(_ key: String) throws(ModelError) {
    guard maximumFrames > 0, latents > 0, heads > 0, headDimension > 0, layers > 0, mlpSize > 0, embeddingSize < 1 << 20
    else {
      throw ModelError(.invalidConfiguration, key, "sizes must be positive")
    }
    guard heads * headDimension == embeddingSize else {
      throw ModelError(
        .invalidConfiguration, "\(key).emb_dim",
        "must be num_heads · head_dim = \(heads * headDimension), found \(embeddingSize)")
    }
  }
}
