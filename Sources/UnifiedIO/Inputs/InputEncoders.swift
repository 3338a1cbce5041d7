import Tensors

/// Everything that turns an example into the encoder's sequence: text embedding, vision transformers, resamplers.
struct InputEncoders: Sendable {
  private let textModality: Tensor
  private let textRotary: RotaryTable
  private let imageVision: VisionTransformer?
  private let audioVision: VisionTransformer?
  private let image: PatchEncoder?
  private let imageHistory: HistoryEncoder?
  private let audio: PatchEncoder?
  private let audioHistory: HistoryEncoder?
  let cache = EncodingCache()

  init(_ weights: WeightScope, _ configuration: Configuration) throws(ModelError) {
    let transformer = configuration.transformer, inputs = Set(configuration.inputModalities)
    textModality = try weights["text"].tensor("modality_embedding", [transformer.embeddingSize])
    textRotary = RotaryTable(length: transformer.maximumInputText, headDimension: transformer.headDimension)
    // The release's image inputs have 24² cells spread over the decoder's 32²; audio uses the same factor (a quirk the weights expect).
    let resolution = (Float(transformer.maximumTargetImage) / Float(transformer.maximumInputImage)).squareRoot()

    if inputs.contains(.image) || inputs.contains(.imageHistory), let vision = configuration.imageVision {
      let owner = inputs.contains(.image) ? "image" : "image_history"
      let side = transformer.imagePatchSize
      let patchLength = side * side * 3
      let encoder = try VisionTransformer(
        weights[owner]["image_encoder"]["vision_transformer"], vision, kind: .image, patchLength: patchLength)
      imageVision = encoder
      image =
        inputs.contains(.image)
        ? try PatchEncoder(
          weights["image"], vision: encoder, grid: transformer.imageSize.divided(by: side), resolution: resolution,
          configuration: transformer, visionWidth: vision.embeddingSize, patchLength: patchLength, name: "image") : nil
      if inputs.contains(.imageHistory), let resampler = configuration.imageHistory {
        imageHistory = try HistoryEncoder(
          weights["image_history"], vision: encoder, grid: transformer.historyImageSize.divided(by: side),
          resampler: resampler, configuration: transformer, visionWidth: vision.embeddingSize,
          patchLength: patchLength, name: "image_history")
      } else {
        imageHistory = nil
      }
    } else {
      (imageVision, image, imageHistory) = (nil, nil, nil)
    }

    if inputs.contains(.audio) || inputs.contains(.audioHistory), let vision = configuration.audioVision {
      let owner = inputs.contains(.audio) ? "audio" : "audio_history"
      let side = transformer.audioPatchSize
      let grid = transformer.audioSize.divided(by: side)
      let encoder = try VisionTransformer(
        weights[owner]["image_encoder"]["vision_transformer"], vision,
        kind: .audio(bands: grid.width, steps: grid.height), patchLength: side * side)
      audioVision = encoder
      audio =
        inputs.contains(.audio)
        ? try PatchEncoder(
          weights["audio"], vision: encoder, grid: grid, resolution: resolution, configuration: transformer,
          visionWidth: vision.embeddingSize, patchLength: side * side, name: "audio") : nil
      if inputs.contains(.audioHistory), let resampler = configuration.audioHistory {
        audioHistory = try HistoryEncoder(
          weights["audio_history"], vision: encoder, grid: transformer.historyAudioSize.divided(by: side),
          resampler: resampler, configuration: transformer, visionWidth: vision.embeddingSize,
          patchLength: side * side, name: "audio_history")
      } else {
        audioHistory = nil
      }
    } else {
      (audioVision, audio, audioHistory) = (nil, nil, nil)
    }
  }

  /// Computes the features of all pictures of the examples together, as far as they are not kept.
  ///
  /// Inputs that cannot be read are passed over: whoever reads them next says what is wrong with them.
  func features(of inputs: [ModelInput]) -> PictureFeatures {
    var features = PictureFeatures(cache: cache)
    guard inputs.reduce(0, { $0 + ($1.image == nil ? 0 : 1) + $1.imageHistory.count }) > 1, let imageVision else {
      return features
    }
    features.prepare(
      inputs.flatMap { input in
        let now = (try? input.image.flatMap { try image?.request($0, imageVision) }).map { [$0] } ?? []
        let before = try? imageHistory?.requests(input.imageHistory, imageVision, cache: cache)
        return now + (before ?? [])
      })
    return features
  }

  /// The parts of the encoder's sequence in the reference's order: text, image, image history, audio, audio history.
  ///
  /// - Parameter features: of the example's pictures among others; see ``features(of:)``.
  func callAsFunction(
    _ input: ModelInput, features: PictureFeatures, textEmbedding: WeightMatrix, probe: Probe? = nil
  ) throws(ModelError) -> (parts: [EncodedPart], layout: SequenceLayout) {
    var parts: [EncodedPart] = []
    var layout = SequenceLayout()
    func append(_ result: (part: EncodedPart, kept: [Int])?, _ modality: Configuration.InputModality) {
      guard let result else { return }
      parts.append(result.part)
      layout.parts.append(.init(modality: modality, kept: result.kept))
    }
    append(try text(input.text, embedding: textEmbedding, probe: probe), .text)
    if let patches = input.image {
      let (encoder, vision) = try present(image, imageVision, "image")
      append(try encoder(patches, vision: vision, features: features, probe: probe), .image)
    }
    if !input.imageHistory.isEmpty {
      let (encoder, vision) = try present(imageHistory, imageVision, "image_history")
      append(try encoder(input.imageHistory, vision: vision, features: features, probe: probe), .imageHistory)
    }
    if let patches = input.audio {
      let (encoder, vision) = try present(audio, audioVision, "audio")
      append(try encoder(patches, vision: vision, features: features, probe: probe), .audio)
    }
    if !input.audioHistory.isEmpty {
      let (encoder, vision) = try present(audioHistory, audioVision, "audio_history")
      append(try encoder(input.audioHistory, vision: vision, features: features, probe: probe), .audioHistory)
    }
    guard !parts.isEmpty else {
      throw ModelError(.invalidInput, "text", "the example is empty: it has no token and no patch")
    }
    return (parts, layout)
  }

  private func present<Part>(
    _ part: Part?, _ vision: VisionTransformer?, _ name: String
  ) throws(ModelError) -> (Part, VisionTransformer) {
    guard let part, let vision else {
      throw ModelError(
        .unsupportedModality, name, "this checkpoint does not read \(name); its input_modalities leave it out")
    }
    return (part, vision)
  }

  private func text(
    _ tokens: [Int32], embedding: WeightMatrix, probe: Probe?
  ) throws(ModelError) -> (part: EncodedPart, kept: [Int])? {
    if let outside = tokens.first(where: { $0 < 0 || $0 >= embedding.rows }) {
      throw ModelError(.tokenOutOfRange, "text", "token \(outside) is not below the vocabulary size \(embedding.rows)")
    }
    let kept = tokens.indices.filter { tokens[$0] != Tokenizer.pad }
    guard !kept.isEmpty else { return nil }
    let tensors = try cache(EncodingCache.Key(tokens)) { () throws(ModelError) in
      var embeddings = embedding.gatheringRows(kept.map { Int(tokens[$0]) })
      embeddings.add(row: textModality)
      return [embeddings, try textRotary(kept, of: "text")]
    }
    let part = EncodedPart(embeddings: tensors[0], rotary: tensors[1])
    probe?("input_text.embed", part.embeddings)
    probe?("input_text.position_embed", part.rotary)
    return (part, kept)
  }
}
