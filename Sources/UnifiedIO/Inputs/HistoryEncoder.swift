import Tensors

/// Image or audio history: each frame through the vision transformer and the perceiver (paper §3.1).
struct HistoryEncoder: Sendable {
  let preProjection: Linear
  let resampler: PerceiverResampler
  let postProjection: Linear
  let modalityEmbedding: Tensor
  /// Rows are frames, columns latents.
  let rotary: RotaryTable
  let positions: PatchPositions
  let latents: Int
  let maximumFrames: Int
  let patchLength: Int
  let name: String

  init(
    _ weights: WeightScope, vision: VisionTransformer, grid: GridSize, resampler: ResamplerConfiguration,
    configuration: TransformerConfiguration, visionWidth: Int, patchLength: Int, name: String
  ) throws(ModelError) {
    let width = configuration.embeddingSize
    preProjection = try weights.linear("pre_projection", inputs: visionWidth, outputs: resampler.embeddingSize)
    self.resampler = try PerceiverResampler(weights["resampler"]["perceiver"], resampler)
    postProjection = try weights.linear("post_projection", inputs: resampler.embeddingSize, outputs: width)
    modalityEmbedding = try weights.tensor("modality_embedding", [width])
    rotary = RotaryTable(
      grid: GridSize(height: resampler.maximumFrames, width: resampler.latents),
      headDimension: configuration.headDimension, resolution: 1)
    positions = PatchPositions(grid, of: vision)
    latents = resampler.latents
    maximumFrames = resampler.maximumFrames
    self.patchLength = patchLength
    self.name = name
  }

  /// What the vision transformer is asked for; `nil` when the frame shows nothing (padding).
  private func request(_ input: PatchInput, _ vision: VisionTransformer) throws(ModelError) -> PictureFeatures.Request?
  {
    try KeptPatches(input, patchLength: patchLength, positionCount: positions.table.rows, name: name)
      .map { PictureFeatures.Request(kept: $0, positions: positions, vision: vision) }
  }

  /// The same for every frame whose latents are not kept; nothing where there are more frames than the model reads.
  func requests(
    _ frames: [PatchInput], _ vision: VisionTransformer, cache: EncodingCache
  ) throws(ModelError) -> [PictureFeatures.Request] {
    var requests: [PictureFeatures.Request] = []
    for frame in frames where frames.count <= maximumFrames {
      if let request = try request(frame, vision), !cache.has(request.kept.key(.latents(name))) {
        requests.append(request)
      }
    }
    return requests
  }

  /// The latents of one frame, `[latents, embedding]`; `nil` when the frame shows nothing (padding).
  func frame(
    _ input: PatchInput, vision: VisionTransformer, features: PictureFeatures, probe: Probe? = nil
  ) throws(ModelError) -> Tensor? {
    guard let request = try request(input, vision) else { return nil }
    guard let cache = features.cache else { return try latents(of: request, features: features, probe: probe) }
    return try cache(request.kept.key(.latents(name))) { () throws(ModelError) in
      [try latents(of: request, features: features)]
    }[0]
  }

  private func latents(
    of request: PictureFeatures.Request, features: PictureFeatures, probe: Probe? = nil
  ) throws(ModelError) -> Tensor {
    let features = try features(request)
    let prefix = name == "audio_history" ? "audio_vit" : "image_vit"
    probe?("\(prefix).\(name).x", features.last)
    probe?("\(prefix).\(name).x1", features.second)
    let context = preProjection(features.last)
    probe?("\(name)_pre_projection", context)
    let resampled = resampler(context)
    probe?("\(name)_resampler", resampled)
    var embeddings = postProjection(resampled)
    embeddings.add(row: modalityEmbedding)
    return embeddings
  }

  /// - Returns: `nil` when no frame shows anything.
  func callAsFunction(
    _ frames: [PatchInput], vision: VisionTransformer, features: PictureFeatures, probe: Probe? = nil
  ) throws(ModelError) -> (part: EncodedPart, kept: [Int])? {
    guard frames.count <= maximumFrames else {
      throw ModelError(.invalidInput, name, "has \(frames.count) frames; the model reads \(maximumFrames) at most")
    }
    var parts: [Tensor] = []
    var kept: [Int] = []
    for (index, input) in frames.enumerated() {
      guard let latentsOfFrame = try frame(input, vision: vision, features: features, probe: probe) else { continue }
      parts.append(latentsOfFrame)
      kept += index * latents..<(index + 1) * latents
    }
    guard !parts.isEmpty else { return nil }
    let embeddings = Tensor.stacking(parts)
    let part = EncodedPart(embeddings: embeddings, rotary: try rotary(kept, of: name))
    probe?("input_\(name).embed", part.embeddings)
    probe?("input_\(name).position_embed", part.rotary)
    return (part, kept)
  }
}
