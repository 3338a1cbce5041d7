import Tensors

/// One target modality of the decoder: token embedding (tied to the logits), modality embedding, positions.
struct TargetEmbedder: Sendable {
  let modality: TargetModality
  /// `[vocabulary, embedding]`.
  let embedding: WeightMatrix
  let modalityEmbedding: Tensor
  let rotary: RotaryTable

  init(
    _ weights: WeightScope, _ modality: TargetModality, _ configuration: TransformerConfiguration,
    textEmbedding: WeightMatrix
  ) throws(ModelError) {
    let width = configuration.embeddingSize, dimension = configuration.headDimension
    self.modality = modality
    modalityEmbedding = try weights["target_embedders"][modality.rawValue].tensor("modality_embedding", [width])
    switch modality {
    case .text:
      embedding = textEmbedding
      rotary = RotaryTable(length: configuration.maximumTargetText, headDimension: dimension)
    case .image:
      embedding = try weights["image_token_embedder"].rowByRow.matrix(
        "weight", rows: configuration.imageVocabularySize, columns: width)
      rotary = RotaryTable(
        grid: Self.square(configuration.maximumTargetImage), headDimension: dimension, resolution: 1)
    case .audio:
      embedding = try weights["audio_token_embedder"].rowByRow.matrix(
        "weight", rows: configuration.audioVocabularySize, columns: width)
      // Sixteen rows although the tokens lie in 32 rows of 16: a quirk that the checkpoints expect.
      rotary = RotaryTable(
        grid: GridSize(height: 16, width: max(1, configuration.maximumTargetAudio / 16)), headDimension: dimension,
        resolution: 1)
    }
  }

  private static func square(_ count: Int) -> GridSize {
    let side = Int(Double(count).squareRoot().rounded())
    return GridSize(height: side, width: side)
  }

  /// Embeds tokens at their places in the answer.
  ///
  /// - Throws: ``ModelError`` `.tokenOutOfRange`, or `.positionOutOfRange` when the answer is longer than the table.
  func embed(_ tokens: [Int32], at positions: [Int]) throws(ModelError) -> EncodedPart {
    if let outside = tokens.first(where: { $0 < 0 || $0 >= embedding.rows }) {
      throw ModelError(
        .tokenOutOfRange, modality.rawValue, "token \(outside) is not below the vocabulary size \(embedding.rows)")
    }
    var embeddings = embedding.gatheringRows(tokens.map { Int($0) })
    embeddings.add(row: modalityEmbedding)
    return EncodedPart(
      embeddings: embeddings, rotary: try rotary(positions, of: modality.rawValue))
  }

  /// Logits over the whole vocabulary, `[tokens, vocabulary]`.
  func logits(_ hidden: Tensor) -> Tensor { logits(hidden, among: 0..<embedding.rows) }

  /// Logits over a range of ids alone, `[tokens, range.count]`.
  func logits(_ hidden: Tensor, among range: Range<Int>) -> Tensor {
    var logits = hidden.multiplied(byRowsOf: embedding, range)
    logits *= 1 / Float(embedding.columns).squareRoot()
    return logits
  }
}
