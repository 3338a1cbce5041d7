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

  /// The latents of one frame, `[latents, embedding]`; `nil` when the frame shows nothing (padding).
  func frame(
    _ input: PatchInput, vision: VisionTransformer, cache: EncodingCache, probe: Probe? = nil
  ) throws(ModelError) -> Tensor? {
    guard
      let kept = try KeptPatches(input, patchLength: patchLength, positionCount: positions.table.rows, name: name)
    else { return nil }
    guard probe == nil else { return try latents(of: kept, vision: vision, cache: nil, probe: probe) }
    return try cache(kept.key(.latents(name))) { () throws(ModelError) in
      [try latents(of: kept, vision: vision, cache: cache)]
    }[0]
  }

  private func latents(
    of kept: KeptPatches, vision: VisionTransformer, cache: EncodingCache?, probe: Probe? = nil
  ) throws(ModelError) -> Tensor {
    let features = try vision.features(of: kept, at: positions, cache: cache)
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
    _ frames: [PatchInput], vision: VisionTransformer, cache: EncodingCache, probe: Probe? = nil
  ) throws(ModelError) -> (part: EncodedPart, kept: [Int])? {
    guard frames.count <= maximumFrames else {
      throw ModelError(.invalidInput, name, "has \(frames.count) frames; the model reads \(maximumFrames) at most")
    }
    var parts: [Tensor] = []
    var kept: [Int] = []
    for (index, input) in frames.enumerated() {
      guard let latentsOfFrame = try frame(input, vision: vision, cache: cache, probe: probe) else { continue }
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
