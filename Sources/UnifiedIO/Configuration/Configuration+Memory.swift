import Tensors

/// How much memory a model needs beside its weights.
extension Configuration {
  /// Bytes of the caches of keys and values.
  ///
  /// - Parameters:
  ///   - sequences: decoded together, e.g. beams.
  ///   - tokens: of each.
  ///   - examples: encoded inputs that they look at.
  ///   - encoded: tokens of each of those.
  public func cacheBytes(sequences: Int, tokens: Int, examples: Int, encoded: Int) -> Int {
    let positions = Double(sequences) * Double(tokens) + Double(examples) * Double(encoded)
    let width = Double(transformer.embeddingSize) * Double(transformer.decoderLayers)
    return Self.bytes(positions * width * 2 * 4)
  }

  /// Bytes that the model takes at most while it works: the caches of `sequences` answers of the longest kind, inputs that it has seen
  /// before, and what a step computes.
  public func workingMemory(sequences: Int) -> Int {
    let answer =
      targetModalities.map { target in
        switch target {
        case .text: transformer.maximumTargetText
        case .image: transformer.maximumTargetImage
        case .audio: transformer.maximumTargetAudio
        }
      }.max() ?? 0
    let caches = cacheBytes(
      sequences: sequences, tokens: answer, examples: sequences, encoded: mostEncodedTokens)
    return Self.bytes(Double(caches) + Double(EncodingCache.byteLimit) + 2 * Double(TensorMemory.idleLimit))
  }

  /// Of one example with everything that the model reads.
  private var mostEncodedTokens: Int {
    let reads = Set(inputModalities)
    let parts = [
      transformer.maximumInputText, reads.contains(.image) ? transformer.maximumInputImage : 0,
      reads.contains(.audio) ? transformer.maximumInputAudio : 0,
      reads.contains(.imageHistory) ? (imageHistory.map { $0.latents * $0.maximumFrames } ?? 0) : 0,
      reads.contains(.audioHistory) ? (audioHistory.map { $0.latents * $0.maximumFrames } ?? 0) : 0,
    ]
    return Self.bytes(parts.reduce(0.0) { $0 + Double($1) })
  }

  private static func bytes(_ count: Double) -> Int { Int(exactly: count.rounded()) ?? .max }
}
