/// The tensors that a checkpoint of some configuration consists of, by name and shape: the one place that import, synthesis and
/// inspection agree on.
///
/// Order is the order of a forward pass, so that neighbours in a file are used together.
public struct TensorInventory: Sendable, Hashable {
  /// What a tensor belongs to; the release keeps ``vision`` and ``codec`` in 32 bits in its bfloat16 checkpoints.
  public enum Part: String, Sendable, Hashable, CaseIterable {
    /// Encoder, decoder, embedders and resamplers.
    case transformer
    /// The vision transformers of image and audio inputs.
    case vision
    /// The tokenisers of image and audio targets (VQGAN, ViT-VQGAN).
    case codec
  }

  /// One tensor.
  public struct Item: Sendable, Hashable {
    /// As the released checkpoints spell it.
    public var name: String
    /// Outermost dimension first.
    public var shape: [Int]
    public var part: Part

    /// Elements.
    public var count: Int { shape.reduce(1, *) }
  }

  public internal(set) var items: [Item] = []
  private let configuration: Configuration
  /// Prefixes of codecs that are not listed.
  private let leftOutCodecs: [String]

  /// The tensors of a configuration.
  ///
  /// - Parameter codecs: sizes of the target tokenisers; those that are `nil` or whose modality is no target are left out.
  /// - Throws: ``ModelError`` `.invalidConfiguration` for numbers of layers that no model has.
  public init(_ configuration: Configuration, codecs: CodecSizes = CodecSizes()) throws(ModelError) {
    self.configuration = configuration
    leftOutCodecs =
      (codecs.image == nil ? ["target_embedders.image.vqgan."] : [])
      + (codecs.audio == nil ? ["target_embedders.audio.vqgan."] : [])
    try Self.checkDepth(configuration)
    let transformer = configuration.transformer
    addEmbedding("text", rows: transformer.vocabularySize)
    addInputs(configuration)
    addEncoder(transformer)
    if configuration.targetModalities.contains(.image) {
      addEmbedding("image", rows: transformer.imageVocabularySize)
    }
    if configuration.targetModalities.contains(.audio) {
      addEmbedding("audio", rows: transformer.audioVocabularySize)
    }
    for modality in TargetModality.allCases where configuration.targetModalities.contains(modality) {
      add("target_embedders.\(modality.rawValue).modality_embedding", [transformer.embeddingSize])
    }
    addDecoder(transformer)
    if let image = codecs.image, configuration.targetModalities.contains(.image) { addImageCodec(image) }
    if let audio = codecs.audio, configuration.targetModalities.contains(.audio) { addAudioCodec(audio) }
  }

  /// Elements of all tensors.
  public var parameterCount: Int { items.reduce(0) { $0 + $1.count } }

  /// Bytes of all tensors, given the element type of each.
  public func byteCount(_ bytesOfElement: (Item) -> Int) -> Int {
    items.reduce(0) { $0 + $1.count * bytesOfElement($1) }
  }

  /// Whether a name belongs to a modality that the configuration leaves out, or to a codec that is not listed; such tensors
  /// are no mistake.
  public func isLeftOut(_ name: String) -> Bool {
    for codec in leftOutCodecs where name.hasPrefix(codec) { return true }
    for modality in Configuration.InputModality.allCases where !configuration.inputModalities.contains(modality) {
      if name.hasPrefix("input_embedders.\(modality.rawValue).") { return true }
    }
    for modality in TargetModality.allCases where !configuration.targetModalities.contains(modality) {
      if name.hasPrefix("target_embedders.\(modality.rawValue).") { return true }
      // The text embedding is an input too, and always there.
      if modality != .text, name.hasPrefix("\(modality.rawValue)_token_embedder.") { return true }
    }
    return false
  }

  private static func checkDepth(_ configuration: Configuration) throws(ModelError) {
    let transformer = configuration.transformer
    for (key, layers) in [
      ("t5_config.num_encoder_layers", transformer.encoderLayers),
      ("t5_config.num_decoder_layers", transformer.decoderLayers),
      ("image_vit_cfg.num_layers", configuration.imageVision?.layers ?? 0),
      ("audio_vit_cfg.num_layers", configuration.audioVision?.layers ?? 0),
      ("image_history_cfg.num_layers", configuration.imageHistory?.layers ?? 0),
      ("audio_history_cfg.num_layers", configuration.audioHistory?.layers ?? 0),
    ] where layers > 1000 {
      throw ModelError(.invalidConfiguration, key, "must be at most 1000, found \(layers)")
    }
  }

  mutating func add(_ name: String, _ shape: [Int], _ part: Part = .transformer) {
    items.append(Item(name: name, shape: shape, part: part))
  }

  /// A layer's weight `[outputs, inputs]` and, where it has one, its bias `[outputs]`.
  mutating func addLinear(
    _ name: String, inputs: Int, outputs: Int, bias: Bool = false, _ part: Part = .transformer
  ) {
    add("\(name).weight", [outputs, inputs], part)
    if bias { add("\(name).bias", [outputs], part) }
  }

  /// A layer norm's (or group norm's) weight and bias.
  mutating func addNorm(_ name: String, _ width: Int, _ part: Part) {
    add("\(name).weight", [width], part)
    add("\(name).bias", [width], part)
  }

  private mutating func addEmbedding(_ modality: String, rows: Int) {
    add("\(modality)_token_embedder.weight", [rows, configuration.transformer.embeddingSize])
  }
}
