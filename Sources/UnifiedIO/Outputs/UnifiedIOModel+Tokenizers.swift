import Tensors

extension UnifiedIOModel {
  /// Takes the tokenisers whose weights are there: all of them or an error; none at all is no error before one is asked for.
  static func tokenizers(
    _ weights: WeightScope, _ configuration: Configuration
  ) throws(ModelError) -> (image: ImageTokenizer?, audio: AudioTokenizer?) {
    func configured<Part>(_ modality: TargetModality, _ part: Part?) throws(ModelError) -> Part? {
      guard configuration.targetModalities.contains(modality),
        weights[modality.rawValue]["vqgan"].isPresent
      else { return nil }
      guard let part else {
        throw ModelError(
          .invalidConfiguration, "\(modality.rawValue)_vqgan",
          "is missing, but the checkpoint has weights of the \(modality.rawValue) tokeniser")
      }
      return part
    }
    var image: ImageTokenizer?, audio: AudioTokenizer?
    if let part = try configured(.image, configuration.imageTokenizer) {
      image = try ImageTokenizer(
        weights["image"]["vqgan"], part, target: configuration.transformer.targetImageSize)
    }
    if let part = try configured(.audio, configuration.audioTokenizer) {
      audio = try AudioTokenizer(weights["audio"]["vqgan"], part)
    }
    return (image, audio)
  }

  /// Whether ids of this modality can be turned into a picture or sound, and back.
  public func hasTokenizer(_ modality: TargetModality) -> Bool {
    switch modality {
    case .text: false
    case .image: imageTokenizer != nil
    case .audio: audioTokenizer != nil
    }
  }

  func tokenizer<Part>(_ part: Part?, _ modality: TargetModality) throws(ModelError) -> Part {
    _ = try target(modality)
    guard let part else {
      throw ModelError(
        .missingTensor, "target_embedders.\(modality.rawValue).vqgan",
        "this checkpoint has no weights of the \(modality.rawValue) tokeniser, so it writes ids but no \(modality == .image ? "pictures" : "sound"); import it again with that part"
      )
    }
    return part
  }

  /// The ids before a codebook's first entry: 0 starts, 1 is a mask that the release does not use.
  static let reservedIDs = 2

  /// Codebook indices of generated ids; ids that stand for no entry are clipped, as the reference does.
  ///
  /// - Throws: ``ModelError`` `.invalidInput` unless there are `count` ids.
  static func codes(
    of tokens: [Int32], count: Int, codebook: Codebook, _ modality: TargetModality
  ) throws(ModelError) -> [Int] {
    guard tokens.count == count else {
      throw ModelError(
        .invalidInput, "\(modality.rawValue) tokens", "expected \(count) without BOS, found \(tokens.count)")
    }
    return tokens.map { min(max(Int($0) - reservedIDs, 0), codebook.count - 1) }
  }
}
