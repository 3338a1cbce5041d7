import Tensors

/// Image or audio input: vision transformer, both features side by side, projection, modality embedding (paper §3.1).
struct PatchEncoder: Sendable {
  let projection: Linear
  let modalityEmbedding: Tensor
  let rotary: RotaryTable
  let positions: PatchPositions
  let patchLength: Int
  let name: String

  init(
    _ weights: WeightScope, vision: VisionTransformer, grid: GridSize, resolution: Float,
    configuration: TransformerConfiguration, visionWidth: Int, patchLength: Int, name: String
  ) throws(ModelError) {
    let width = configuration.embeddingSize
    projection = try weights.linear("projection", inputs: 2 * visionWidth, outputs: width)
    modalityEmbedding = try weights.tensor("modality_embedding", [width])
    rotary = RotaryTable(grid: grid, headDimension: configuration.headDimension, resolution: resolution)
    positions = PatchPositions(grid, of: vision)
    self.patchLength = patchLength
    self.name = name
  }

  /// What the vision transformer is asked for; `nil` when no patch shows anything.
  func request(_ input: PatchInput, _ vision: VisionTransformer) throws(ModelError) -> PictureFeatures.Request? {
    try KeptPatches(input, patchLength: patchLength, positionCount: rotary.count, name: name)
      .map { PictureFeatures.Request(kept: $0, positions: positions, vision: vision) }
  }

  /// - Returns: `nil` when no patch shows anything.
  func callAsFunction(
    _ input: PatchInput, vision: VisionTransformer, features: PictureFeatures, probe: Probe? = nil
  ) throws(ModelError) -> (part: EncodedPart, kept: [Int])? {
    guard let request = try request(input, vision) else { return nil }
    let kept = request.kept, features = try features(request)
    let prefix = name == "audio" ? "audio_vit" : "image_vit"
    probe?("\(prefix).\(name).x", features.last)
    probe?("\(prefix).\(name).x1", features.second)
    var embeddings = projection(Tensor.concatenatingColumns(features.last, features.second))
    embeddings.add(row: modalityEmbedding)
    let part = EncodedPart(embeddings: embeddings, rotary: try rotary(kept.positions, of: name))
    probe?("input_\(name).embed", part.embeddings)
    probe?("input_\(name).position_embed", part.rotary)
    return (part, kept.indices)
  }
}

/// The patches that show something; dropping the others changes nothing that is read (MODEL_NOTES: exact up to rounding).
struct KeptPatches {
  /// The input with what was dropped.
  private let input: PatchInput
  private let patchLength: Int
  let positions: [Int]
  let indices: [Int]
  private let fingerprint: ContentFingerprint

  /// - Returns: `nil` when no patch shows anything.
  /// - Throws: ``ModelError`` `.invalidInput` for counts that do not fit, `.positionOutOfRange`.
  init?(_ input: PatchInput, patchLength: Int, positionCount: Int, name: String) throws(ModelError) {
    guard input.positions.count == input.count, input.patches.count == input.count * patchLength else {
      throw ModelError(
        .invalidInput, name,
        "\(input.count) mask entries need as many positions and \(patchLength) values each; found \(input.positions.count) and \(input.patches.count)"
      )
    }
    if let outside = input.positions.first(where: { $0 < 0 || $0 >= positionCount }) {
      throw ModelError(
        .positionOutOfRange, name, "patch position \(outside) has no row; the table has \(positionCount)")
    }
    indices = input.mask.indices.filter { input.mask[$0] }
    guard !indices.isEmpty else { return nil }
    self.input = input
    self.patchLength = patchLength
    positions = indices.map { input.positions[$0] }
    fingerprint = ContentFingerprint(input.patches)
  }

  /// `[kept, patchLength]`.
  var patches: Tensor {
    let all = Tensor(input.patches, shape: [input.count, patchLength])
    return indices.count == input.count ? all : all.gatheringRows(indices)
  }

  /// Names what `stage` makes of these patches.
  func key(_ stage: EncodingCache.Stage) -> EncodingCache.Key { EncodingCache.Key(stage, input, fingerprint) }
}
