import Foundation

/// The numbers of a checkpoint: `config.json` as the reference writes it (a nested dump of its dataclasses).
///
/// Keys that only training uses (dropout and the like) are accepted and ignored.
public struct Configuration: Decodable, Sendable, Hashable {
  public enum InputModality: String, Decodable, Sendable, Hashable, CaseIterable {
    case text, image
    case imageHistory = "image_history"
    case audio
    case audioHistory = "audio_history"
  }

  /// The encoder-decoder.
  public var transformer: TransformerConfiguration
  public var imageVision: VisionConfiguration?
  public var audioVision: VisionConfiguration?
  public var imageHistory: ResamplerConfiguration?
  public var audioHistory: ResamplerConfiguration?
  /// Needed to write pictures.
  public var imageTokenizer: ImageTokenizerConfiguration?
  /// Needed to write sound.
  public var audioTokenizer: AudioTokenizerConfiguration?
  public var inputModalities: [InputModality]
  public var targetModalities: [TargetModality]
  public var sequenceLength: SequenceLengths

  enum CodingKeys: String, CodingKey {
    case transformer = "t5_config"
    case imageVision = "image_vit_cfg"
    case audioVision = "audio_vit_cfg"
    case imageHistory = "image_history_cfg"
    case audioHistory = "audio_history_cfg"
    case imageTokenizer = "image_vqgan"
    case audioTokenizer = "audio_vqgan"
    case inputModalities = "input_modalities"
    case targetModalities = "target_modalities"
    case sequenceLength = "sequence_length"
  }

  /// Reads `config.json` and checks that the numbers fit each other.
  ///
  /// - Throws: ``ModelError`` `.unreadableFile` or `.invalidConfiguration` with the key at fault.
  public init(contentsOf url: URL) throws(ModelError) {
    try self.init(json: try ConfigurationFile.data(at: url), subject: url.path)
  }

  /// Reads the text of a `config.json`; errors name `subject`.
  ///
  /// - Throws: ``ModelError`` `.invalidConfiguration` with the key at fault.
  public init(json: Data, subject: String) throws(ModelError) {
    self = try ConfigurationFile.decode(json, subject: subject)
    try validate()
  }

  /// Everything that later code relies on: sizes that divide each other, tables that are large enough.
  func validate() throws(ModelError) {
    try transformer.validate()
    guard inputModalities.contains(.text) else {
      throw ModelError(.invalidConfiguration, "input_modalities", "must contain text")
    }
    guard !targetModalities.isEmpty else {
      throw ModelError(.invalidConfiguration, "target_modalities", "must not be empty")
    }
    let wantsImages = inputModalities.contains(.image) || inputModalities.contains(.imageHistory)
    let wantsAudio = inputModalities.contains(.audio) || inputModalities.contains(.audioHistory)
    try Self.require(imageVision, if: wantsImages, "image_vit_cfg")?.validate("image_vit_cfg")
    try Self.require(audioVision, if: wantsAudio, "audio_vit_cfg")?.validate("audio_vit_cfg")
    try Self.require(imageHistory, if: inputModalities.contains(.imageHistory), "image_history_cfg")?
      .validate("image_history_cfg")
    try Self.require(audioHistory, if: inputModalities.contains(.audioHistory), "audio_history_cfg")?
      .validate("audio_history_cfg")
    if targetModalities.contains(.image) {
      try imageTokenizer?.validate(target: transformer.targetImageSize, length: transformer.maximumTargetImage)
    }
    if targetModalities.contains(.audio) { try audioTokenizer?.validate(length: transformer.maximumTargetAudio) }
  }

  private static func require<Part>(_ part: Part?, if needed: Bool, _ key: String) throws(ModelError) -> Part? {
    if needed, part == nil {
      throw ModelError(.invalidConfiguration, key, "is missing, but input_modalities needs it")
    }
    return needed ? part : nil
  }
}

/// Rows and columns.
public struct GridSize: Sendable, Hashable {
  public var height: Int
  public var width: Int

  public init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }

  public var count: Int { height * width }
  public func divided(by side: Int) -> GridSize { GridSize(height: height / side, width: width / side) }
}

extension GridSize: Decodable {
  /// From `[height, width]`.
  public init(from decoder: any Swift.Decoder) throws {
    var values = try decoder.unkeyedContainer()
    self.init(height: try values.decode(Int.self), width: try values.decode(Int.self))
  }
}

/// How many patches and frames an example has.
public struct SequenceLengths: Decodable, Sendable, Hashable {
  /// Frames of image (or audio) history.
  public var frames: Int

  enum CodingKeys: String, CodingKey { case frames = "num_frames" }
}
