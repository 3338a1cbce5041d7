import Tensors

/// The transformer over patches, shared by a modality and its history (image ViT and audio ViT).
struct VisionTransformer: Sendable {
  /// What sets the two apart.
  enum Kind: Sendable {
    /// Class token; position grid resized to the picture; layer norm before the blocks; exact GELU.
    case image
    /// Class and distillation tokens; transposed position table; no norm before the blocks; tanh GELU.
    case audio(bands: Int, steps: Int)

    var isImage: Bool { if case .image = self { true } else { false } }
  }

  /// The two features that the encoder reads of each patch: the last block's output (no final norm) and the second block's.
  struct Features {
    /// `[patches, embedding]`.
    let last: Tensor
    /// `[patches, embedding]`.
    let second: Tensor
  }

  let kind: Kind
  let patchEmbedding: Linear
  /// Tokens before the patches, their positions added, `[1 or 2, embedding]`.
  let leadingTokens: Tensor
  let preNorm: LayerNorm?
  let blocks: [VisionBlock]
  /// The stored position rows of the patches, `[rows, embedding]`.
  let patchPositions: Tensor

  init(_ weights: WeightScope, _ configuration: VisionConfiguration, kind: Kind, patchLength: Int) throws(ModelError) {
    let width = configuration.embeddingSize
    self.kind = kind
    var epsilon: Float = 1e-5
    switch kind {
    case .image:
      let count = configuration.positionCount ?? 197
      patchEmbedding = try weights.linear("embedding", inputs: patchLength, outputs: width)
      let positions = try weights.tensor("positional_embedding", [count, width])
      var leading = try weights.tensor("class_embedding", [width]).reshaped([1, width])
      leading += positions.rows(in: 0..<1)
      leadingTokens = leading
      patchPositions = positions.rows(in: 1..<count)
      preNorm = try weights.layerNorm("pre_ln", width, epsilon: epsilon)
    case .audio(let bands, let steps):
      epsilon = 1e-6
      patchEmbedding = try weights.linear("embedding", inputs: patchLength, outputs: width, bias: true)
      let count = 514
      guard bands * steps <= count - 2 else {
        throw ModelError(
          .invalidConfiguration, "default_audio_vit_size", "\(bands)×\(steps) patches exceed the table of \(count - 2)")
      }
      let positions = try weights.tensor("positional_embedding", [count, width])
      var leading = Tensor.stacking([
        try weights.tensor("cls_token", [width]).reshaped([1, width]),
        try weights.tensor("dist_token", [width]).reshaped([1, width]),
      ])
      leading += positions.rows(in: 0..<2)
      leadingTokens = leading
      patchPositions = positions.rows(in: 2..<count)
      preNorm = nil
    }
    var blocks: [VisionBlock] = []
    for index in 0..<configuration.layers {
      blocks.append(
        try VisionBlock(
          weights["transformer"]["resblocks"]["\(index)"], configuration, epsilon: epsilon, exactGELU: kind.isImage))
    }
    self.blocks = blocks
  }

  /// The position row of each patch id of a grid, `[grid.count, embedding]`.
  func positionTable(for grid: GridSize) -> Tensor {
    switch kind {
    case .image:
      let side = Int(Double(patchPositions.rows).squareRoot().rounded())
      return BicubicResize.resized(patchPositions, from: GridSize(height: side, width: side), to: grid)
    case .audio(let bands, let steps):
      // Patch ids are row-major over (time, mel); the table is row-major over (mel, time).
      return patchPositions.gatheringRows((0..<grid.count).map { $0 % bands * steps + $0 / bands })
    }
  }

  /// Patches of one picture and their rows of the position table.
  struct Picture {
    /// Only those that show something, `[patches, patchLength]`; masked ones influence nothing that is read.
    let patches: Tensor
    /// `[patches, embedding]`.
    let positions: Tensor
  }

  /// The features of several pictures, whose products are computed together.
  func callAsFunction(_ pictures: [Picture]) -> [Features] {
    var embedded = patchEmbedding(Tensor.stacking(pictures.map(\.patches)))
    embedded += Tensor.stacking(pictures.map(\.positions))
    let skip = leadingTokens.rows
    var sequences: [Tensor] = []
    var start = 0
    for picture in pictures {
      sequences += [leadingTokens, embedded.rows(in: start..<start + picture.patches.rows)]
      start += picture.patches.rows
    }
    let lengths = pictures.map { skip + $0.patches.rows }
    var x = Tensor.stacking(sequences)
    if let preNorm { x = preNorm(x) }
    var second = x
    for (index, block) in blocks.enumerated() {
      x = block(x, lengths: lengths)
      if index == 1 { second = x }
    }
    start = 0
    return lengths.map { length in
      defer { start += length }
      let rows = start + skip..<start + length
      return Features(last: x.rows(in: rows), second: second.rows(in: rows))
    }
  }
}

/// The places of a canvas's patches for a vision transformer.
struct PatchPositions: Sendable {
  let grid: GridSize
  /// `[grid.count, embedding]`.
  let table: Tensor

  init(_ grid: GridSize, of vision: VisionTransformer) {
    self.grid = grid
    table = vision.positionTable(for: grid)
  }
}

/// A pre-norm transformer block with biases.
struct VisionBlock: Sendable {
  let norm1: LayerNorm
  let query: Linear
  let key: Linear
  let value: Linear
  let output: Linear
  let norm2: LayerNorm
  let up: Linear
  let down: Linear
  let heads: Int
  let exactGELU: Bool

  init(
    _ weights: WeightScope, _ configuration: VisionConfiguration, epsilon: Float, exactGELU: Bool
  ) throws(ModelError) {
    let width = configuration.embeddingSize
    let attention = weights["attn"], mlp = weights["mlp"]
    func projection(_ name: String) throws(ModelError) -> Linear {
      Linear(
        weight: try attention.matrix("\(name)_in_proj_weight", rows: width, columns: width),
        bias: try attention.tensor("\(name)_in_proj_bias", [width]))
    }
    norm1 = try weights.layerNorm("ln_1", width, epsilon: epsilon)
    query = try projection("query")
    key = try projection("key")
    value = try projection("value")
    output = try attention.linear("out_proj", inputs: width, outputs: width, bias: true)
    norm2 = try weights.layerNorm("ln_2", width, epsilon: epsilon)
    up = try mlp.linear("fc1", inputs: width, outputs: configuration.mlpSize, bias: true)
    down = try mlp.linear("fc2", inputs: configuration.mlpSize, outputs: width, bias: true)
    heads = configuration.heads
    self.exactGELU = exactGELU
  }

  /// - Parameters:
  ///   - x: `[tokens, embedding]`, the pictures one below the other.
  ///   - lengths: tokens of each picture.
  func callAsFunction(_ x: Tensor, lengths: [Int]) -> Tensor {
    var x = x
    x += attention(norm1(x), lengths)
    x += mlp(norm2(x))
    return x
  }

  private func attention(_ x: Tensor, _ lengths: [Int]) -> Tensor {
    let projected = Linear.each([query, key, value], of: x)
    return output(
      SoftmaxAttention.attend(
        queries: projected[0], keys: projected[1], values: projected[2], lengths: lengths, heads: heads,
        scales: [Float](repeating: 1 / Float(x.columns / heads).squareRoot(), count: heads)))
  }

  private func mlp(_ x: Tensor) -> Tensor {
    var hidden = up(x)
    if exactGELU { hidden.applyGELU() } else { hidden.applyTanhGELU() }
    return down(hidden)
  }
}
