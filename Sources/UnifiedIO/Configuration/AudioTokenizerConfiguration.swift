/// `audio_vqgan`: the transformer that turns target spectrograms into ids and back (ViT-VQGAN).
public struct AudioTokenizerConfiguration: Decodable, Sendable, Hashable {
  /// Entries of the codebook.
  public var codes: Int
  /// Width of a codebook entry.
  public var codeSize: Int
  public var encoderSize: Int
  public var encoderLayers: Int
  public var encoderMLPSize: Int
  public var encoderHeads: Int
  public var encoderHeadDimension: Int
  public var decoderSize: Int
  public var decoderLayers: Int
  public var decoderMLPSize: Int
  public var decoderHeads: Int
  public var decoderHeadDimension: Int
  /// Whether the projections have biases; only `false` is known.
  public var usesBias: Bool
  /// Only `relu` is known.
  public var activation: String
  /// Mel bands and time steps.
  public var size: GridSize
  /// Bands and steps that one code stands for.
  public var patchSize: GridSize
  /// Only 1 is known.
  public var outputChannels: Int

  enum CodingKeys: String, CodingKey {
    case codes = "vocab_size"
    case codeSize = "proj_dim"
    case encoderSize = "encoder_hidden_size"
    case encoderLayers = "encoder_num_layers"
    case encoderMLPSize = "encoder_mlp_dim"
    case encoderHeads = "encoder_num_heads"
    case encoderHeadDimension = "encoder_head_dim"
    case decoderSize = "decoder_hidden_size"
    case decoderLayers = "decoder_num_layers"
    case decoderMLPSize = "decoder_mlp_dim"
    case decoderHeads = "decoder_num_heads"
    case decoderHeadDimension = "decoder_head_dim"
    case usesBias = "use_bias"
    case activation = "act_fn"
    case size = "default_input_size"
    case patchSize = "patch_size"
    case outputChannels = "output_channel"
  }

  /// Codes along the bands and along time.
  var grid: GridSize { GridSize(height: size.height / patchSize.height, width: size.width / patchSize.width) }

  func validate(length: Int) throws(ModelError) {
    func require(_ condition: Bool, _ key: CodingKeys, _ message: String) throws(ModelError) {
      guard condition else {
        throw ModelError(.invalidConfiguration, "audio_vqgan.\(key.rawValue)", message)
      }
    }
    let limit = 1...(1 << 16)
    for (key, value) in [
      (CodingKeys.codeSize, codeSize), (.encoderSize, encoderSize), (.encoderLayers, encoderLayers),
      (.encoderMLPSize, encoderMLPSize), (.encoderHeads, encoderHeads), (.encoderHeadDimension, encoderHeadDimension),
      (.decoderSize, decoderSize), (.decoderLayers, decoderLayers), (.decoderMLPSize, decoderMLPSize),
      (.decoderHeads, decoderHeads), (.decoderHeadDimension, decoderHeadDimension), (.size, size.height),
      (.size, size.width), (.patchSize, patchSize.height), (.patchSize, patchSize.width),
    ] {
      try require(limit.contains(value), key, "must be in \(limit), found \(value)")
    }
    try require((1...1 << 24).contains(codes), .codes, "must be positive, found \(codes)")
    try require(!usesBias, .usesBias, "must be false; projections with biases are not known")
    try require(activation == "relu", .activation, "only relu is known, found \(activation)")
    try require(outputChannels == 1, .outputChannels, "must be 1, found \(outputChannels)")
    try require(
      encoderHeads * encoderHeadDimension == encoderSize && encoderSize % 4 == 0, .encoderSize,
      "must be encoder_num_heads · encoder_head_dim and a multiple of 4, found \(encoderSize)")
    try require(
      decoderHeads * decoderHeadDimension == decoderSize, .decoderSize,
      "must be decoder_num_heads · decoder_head_dim, found \(decoderSize)")
    // The reference builds the decoder's position table with the encoder's width and adds it.
    try require(decoderSize == encoderSize, .decoderSize, "must be the encoder's \(encoderSize), found \(decoderSize)")
    try require(
      size.height % patchSize.height == 0 && size.width % patchSize.width == 0 && grid.count == length, .size,
      "\(size.height)×\(size.width) must make decoder_max_audio_length = \(length) codes")
  }
}
