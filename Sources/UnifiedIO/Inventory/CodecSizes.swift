/// `image_vqgan`, `audio_vqgan`: the sizes of the target tokenisers, as far as their tensors depend on them.
public struct CodecSizes: Decodable, Sendable, Hashable {
  /// The VQGAN of image targets.
  public struct Image: Decodable, Sendable, Hashable {
    public var embeddingSize: Int
    /// Codebook rows.
    public var codes: Int
    public var usesDoubleZ: Bool
    public var zChannels: Int
    /// Pixels of a side.
    public var resolution: Int
    public var inputChannels: Int
    public var outputChannels: Int
    public var channels: Int
    /// Channels of each level, as a multiple of ``channels``.
    public var multipliers: [Int]
    public var residualBlocks: Int
    /// Sides at which a level has attention.
    public var attentionResolutions: [Int]

    enum CodingKeys: String, CodingKey {
      case embeddingSize = "embed_dim"
      case codes = "n_embed"
      case usesDoubleZ = "double_z"
      case zChannels = "z_channels"
      case resolution
      case inputChannels = "in_channels"
      case outputChannels = "out_ch"
      case channels = "ch"
      case multipliers = "ch_mult"
      case residualBlocks = "num_res_blocks"
      case attentionResolutions = "attn_resolutions"
    }
  }

  /// The ViT-VQGAN of audio targets.
  public struct Audio: Decodable, Sendable, Hashable {
    /// Codebook rows.
    public var codes: Int
    public var projection: Int
    public var encoderWidth: Int
    public var encoderLayers: Int
    public var encoderMLP: Int
    public var decoderWidth: Int
    public var decoderLayers: Int
    public var decoderMLP: Int
    /// Height and width of a patch.
    public var patchSize: [Int]
    public var channels: Int

    enum CodingKeys: String, CodingKey {
      case codes = "vocab_size"
      case projection = "proj_dim"
      case encoderWidth = "encoder_hidden_size"
      case encoderLayers = "encoder_num_layers"
      case encoderMLP = "encoder_mlp_dim"
      case decoderWidth = "decoder_hidden_size"
      case decoderLayers = "decoder_num_layers"
      case decoderMLP = "decoder_mlp_dim"
      case patchSize = "patch_size"
      case channels = "output_channel"
    }
  }

  public var image: Image?
  public var audio: Audio?

  /// No codec unless one is given.
  public init(image: Image? = nil, audio: Audio? = nil) {
    self.image = image
    self.audio = audio
  }

  enum CodingKeys: String, CodingKey {
    case image = "image_vqgan"
    case audio = "audio_vqgan"
  }

  /// Checks that no size is absurd, so that shapes can be multiplied without a second thought.
  func validate() throws(ModelError) {
    if let image {
      let sizes =
        [
          image.embeddingSize, image.codes, image.zChannels, image.resolution, image.inputChannels,
          image.outputChannels, image.channels, image.residualBlocks,
        ] + image.multipliers
      let widest = image.multipliers.max() ?? 0
      guard sizes.allSatisfy({ (1...1 << 20).contains($0) }), (1...16).contains(image.multipliers.count),
        image.residualBlocks <= 100, image.channels * widest <= 1 << 20
      else {
        throw ModelError(.invalidConfiguration, "image_vqgan", "sizes must be positive and no model's are so large")
      }
    }
    if let audio {
      let sizes =
        [
          audio.codes, audio.projection, audio.encoderWidth, audio.encoderLayers, audio.encoderMLP, audio.decoderWidth,
          audio.decoderLayers, audio.decoderMLP, audio.channels,
        ] + audio.patchSize
      guard sizes.allSatisfy({ (1...1 << 20).contains($0) }), audio.patchSize.count == 2,
        audio.patchSize.allSatisfy({ $0 <= 1024 }), audio.encoderLayers <= 1000, audio.decoderLayers <= 1000,
        audio.channels <= 64
      else {
        throw ModelError(.invalidConfiguration, "audio_vqgan", "sizes must be positive and no model's are so large")
      }
    }
  }
}
