/// `t5_config`: the encoder, the decoder and the sizes of what they read and write.
public struct TransformerConfiguration: Decodable, Sendable, Hashable {
  public var vocabularySize: Int
  public var imageVocabularySize: Int
  public var audioVocabularySize: Int
  public var embeddingSize: Int
  public var heads: Int
  public var headDimension: Int
  public var encoderLayers: Int
  public var decoderLayers: Int
  public var mlpSize: Int
  public var mlpActivations: [String]
  /// Decoder layer i has cross-attention iff `i % interval == 0` or it is the last one.
  public var crossAttentionInterval: Int
  public var usesQKNorm: Bool
  public var maximumInputText: Int
  public var maximumInputImage: Int
  public var maximumInputAudio: Int
  public var maximumTargetText: Int
  public var maximumTargetImage: Int
  public var maximumTargetAudio: Int
  /// Pixels of the target image.
  public var targetImageSize: GridSize
  /// Side of a target image patch; unused where a VQGAN tokenises.
  public var targetImagePatchSize: Int
  /// Pixels of the image input.
  public var imageSize: GridSize
  /// Pixels of one history frame.
  public var historyImageSize: GridSize
  public var imagePatchSize: Int
  /// Time steps and mel bands.
  public var audioSize: GridSize
  public var historyAudioSize: GridSize
  public var audioPatchSize: Int

  enum CodingKeys: String, CodingKey {
    case vocabularySize = "vocab_size"
    case imageVocabularySize = "image_vocab_size"
    case audioVocabularySize = "audio_vocab_size"
    case embeddingSize = "emb_dim"
    case heads = "num_heads"
    case headDimension = "head_dim"
    case encoderLayers = "num_encoder_layers"
    case decoderLayers = "num_decoder_layers"
    case mlpSize = "mlp_dim"
    case mlpActivations = "mlp_activations"
    case crossAttentionInterval = "decoder_xattention_internval"
    case usesQKNorm = "qk_norm"
    case maximumInputText = "encoder_max_text_length"
    case maximumInputImage = "encoder_max_image_length"
    case maximumInputAudio = "encoder_max_audio_length"
    case maximumTargetText = "decoder_max_text_length"
    case maximumTargetImage = "decoder_max_image_length"
    case maximumTargetAudio = "decoder_max_audio_length"
    case targetImageSize = "default_image_size"
    case targetImagePatchSize = "image_patch_size"
    case imageSize = "default_image_vit_size"
    case historyImageSize = "default_image_history_vit_size"
    case imagePatchSize = "image_vit_patch_size"
    case audioSize = "default_audio_vit_size"
    case historyAudioSize = "default_audio_history_vit_size"
    case audioPatchSize = "audio_vit_patch_size"
  }

  public func hasCrossAttention(layer: Int) -> Bool {
    layer % crossAttentionInterval == 0 || layer == decoderLayers - 1
  }

  func validate() throws(ModelError) {
    for (key, value) in [
      (CodingKeys.vocabularySize, vocabularySize), (.embeddingSize, embeddingSize), (.heads, heads),
      (.headDimension, headDimension), (.encoderLayers, encoderLayers), (.decoderLayers, decoderLayers),
      (.mlpSize, mlpSize), (.crossAttentionInterval, crossAttentionInterval), (.maximumInputText, maximumInputText),
      (.maximumTargetText, maximumTargetText), (.imagePatchSize, imagePatchSize), (.audioPatchSize, audioPatchSize),
      (.maximumInputImage, maximumInputImage), (.maximumTargetImage, maximumTargetImage),
    ] where value < 1 || value > 1 << 24 {
      throw ModelError(.invalidConfiguration, "t5_config.\(key.rawValue)", "must be positive, found \(value)")
    }
    // The reference's layers are built for exactly this relation (its Linear checks it).
    guard heads * headDimension == embeddingSize else {
      throw ModelError(
        .invalidConfiguration, "t5_config.emb_dim",
        "must be num_heads · head_dim = \(heads * headDimension), found \(embeddingSize)")
    }
    guard headDimension % 4 == 0 else {
      throw ModelError(
        .invalidConfiguration, "t5_config.head_dim",
        "must be a multiple of 4 for two-dimensional rotary embedding, found \(headDimension)")
    }
    guard mlpActivations == ["silu", "linear"] else {
      throw ModelError(
        .invalidConfiguration, "t5_config.mlp_activations", "only [silu, linear] is known, found \(mlpActivations)")
    }
    for (key, size) in [(CodingKeys.imageSize, imageSize), (.historyImageSize, historyImageSize)] {
      let side = imagePatchSize
      guard size.height > 0, size.width > 0, size.height % side == 0, size.width % side == 0, size.count <= 1 << 24
      else {
        throw ModelError(
          .invalidConfiguration, "t5_config.\(key.rawValue)",
          "must be positive multiples of the patch size \(side), found \(size.height)×\(size.width)")
      }
    }
  }
}
