/// `image_vqgan`: the convolutional tokeniser that turns target pictures into ids and back.
public struct ImageTokenizerConfiguration: Decodable, Sendable, Hashable {
  /// Width of a codebook entry.
  public var codeSize: Int
  /// Entries of the codebook.
  public var codes: Int
  /// Whether the encoder gives means and variances; only `false` is known.
  public var doublesLatents: Bool
  /// Channels between encoder and codebook.
  public var latentChannels: Int
  /// Side of the pictures in pixels, which decides at which levels there is attention.
  public var resolution: Int
  public var inputChannels: Int
  public var outputChannels: Int
  /// Channels of the finest level.
  public var channels: Int
  /// Channels of each level as multiples of ``channels``, finest first.
  public var channelMultipliers: [Int]
  /// Residual blocks of an encoder level; the decoder has one more.
  public var residualBlocks: Int
  /// Sides, in pixels, of the levels that have attention.
  public var attentionResolutions: [Int]
  /// Pixels that one code stands for.
  public var patchSize: GridSize

  enum CodingKeys: String, CodingKey {
    case codeSize = "embed_dim"
    case codes = "n_embed"
    case doublesLatents = "double_z"
    case latentChannels = "z_channels"
    case resolution
    case inputChannels = "in_channels"
    case outputChannels = "out_ch"
    case channels = "ch"
    case channelMultipliers = "ch_mult"
    case residualBlocks = "num_res_blocks"
    case attentionResolutions = "attn_resolutions"
    case patchSize = "patch_size"
  }

  /// Groups of every group norm.
  static let groups = 32

  /// How many pixels of a side become one code.
  var reduction: Int { 1 << (channelMultipliers.count - 1) }

  func channels(level: Int) -> Int { channels * channelMultipliers[level] }

  /// Whether level `level` (0 is the finest) has attention.
  func hasAttention(level: Int) -> Bool { attentionResolutions.contains(resolution >> level) }

  func validate(target: GridSize, length: Int) throws(ModelError) {
    func require(_ condition: Bool, _ key: CodingKeys, _ message: String) throws(ModelError) {
      guard condition else {
        throw ModelError(.invalidConfiguration, "image_vqgan.\(key.rawValue)", message)
      }
    }
    let limit = 1...(1 << 16)
    for (key, value) in [
      (CodingKeys.codeSize, codeSize), (.latentChannels, latentChannels), (.resolution, resolution),
      (.channels, channels), (.residualBlocks, residualBlocks),
    ] {
      try require(limit.contains(value), key, "must be in \(limit), found \(value)")
    }
    try require((1...1 << 24).contains(codes), .codes, "must be positive, found \(codes)")
    try require(!doublesLatents, .doublesLatents, "must be false; variational latents are not known")
    try require(inputChannels == 3, .inputChannels, "must be 3, found \(inputChannels)")
    try require(outputChannels == 3, .outputChannels, "must be 3, found \(outputChannels)")
    try require(
      (1...8).contains(channelMultipliers.count) && channelMultipliers.allSatisfy { (1...64).contains($0) },
      .channelMultipliers, "must have 1 to 8 factors from 1 to 64, found \(channelMultipliers)")
    try require(
      channels % Self.groups == 0, .channels, "must be a multiple of the \(Self.groups) groups, found \(channels)")
    try require(
      patchSize == GridSize(height: reduction, width: reduction), .patchSize,
      "must be \(reduction)×\(reduction), what \(channelMultipliers.count) levels make of a picture")
    // Codes lie in a square, as the reference's decode_code has it.
    try require(
      target.height == target.width && target.height % reduction == 0
        && target.divided(by: reduction).count == length, .patchSize,
      "\(target.height)×\(target.width) pixels must be a square of decoder_max_image_length = \(length) codes")
  }
}
