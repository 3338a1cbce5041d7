import Reporting
import Tensors
import UnifiedIO

extension ModelBenchmark {
  /// All tokens of a picture or a sound, greedily, and the decoder that makes pixels or a spectrogram of them.
  public func longOutput(_ modality: TargetModality) throws -> BenchmarkReport.Case {
    let clock = ContinuousClock()
    let encoded = try model.encode(ModelInput(text: text(32)))
    var samples = StageSamples()
    var reads: [Double] = [], readsInOrder: [Double] = []
    var last = clock.now, whole = Duration.zero
    let tokens = try model.generateTokens(
      modality, from: encoded, options: GenerationOptions(maximumTokens: .max),
      progress: { count throws(ModelError) in
        let took = clock.now - last
        samples.add(took, to: .token)
        whole += took
        // Half a minute is long: what the memory gives meanwhile is measured meanwhile.
        if count % Self.tokensBetweenReads == 0 {
          reads.append(meter.measureRead(milliseconds: Self.ceilingMilliseconds))
          readsInOrder.append(meter.measureRead(milliseconds: Self.ceilingMilliseconds, places: 1))
        }
        last = clock.now
      })
    for _ in 0..<3 {
      try samples.measure(.post) {
        try decode(tokens, as: modality)
      }
    }
    samples.add(whole, to: .whole)
    let figures = samples.figures
    var rates: [BenchmarkReport.Rate] = []
    if let token = figures[.token] {
      let bytes = costs.tokenBytes(
        encoderTokens: [encoded.output.rows], vocabulary: vocabulary(of: modality), decodedTokens: tokens.count / 2)
      let value = bytes / token.median * 1e-6
      func ratio(_ reads: [Double], places: Int) -> Double {
        let read = Percentile.median(of: reads)
        return value / max(read ?? meter.measureRead(milliseconds: Self.ceilingMilliseconds, places: places), 1e-9)
      }
      rates.append(
        .init(
          name: "decoder token, half-way", value: value, unit: "GB/s", ofCeiling: ratio(reads, places: 4),
          ofReadingInOrder: ratio(readsInOrder, places: 1)))
    }
    return BenchmarkReport.Case(
      name: "\(tokens.count) \(modality.rawValue) tokens and their decoder", encoderTokens: encoded.output.rows,
      stages: samples.named, rates: rates)
  }

  /// The decoder that makes pixels or a spectrogram of tokens, which are any.
  public func decoder(_ modality: TargetModality) throws -> BenchmarkReport.Case {
    let vocabulary = vocabulary(of: modality), transformer = model.configuration.transformer
    let count = modality == .image ? transformer.maximumTargetImage : transformer.maximumTargetAudio
    // The first two ids stand for no code.
    let tokens = (0..<count).map { Int32(2 + $0 * 7919 % max(1, vocabulary - 2)) }
    var samples = StageSamples()
    for step in 0...steps {
      var stages = StageSamples()
      try stages.measure(.post) { try decode(tokens, as: modality) }
      if step > 0 { samples.add(stages) }
    }
    return BenchmarkReport.Case(
      name: "\(modality.rawValue) decoder, \(count) tokens", encoderTokens: 0, stages: samples.named, rates: [])
  }

  /// Divides the lengths of pictures and sounds.
  private static let tokensBetweenReads = 64

  private func decode(_ tokens: [Int32], as modality: TargetModality) throws {
    if modality == .image { _ = try model.image(of: tokens) } else { _ = try model.spectrogram(of: tokens) }
  }

  private func vocabulary(of modality: TargetModality) -> Int {
    let transformer = model.configuration.transformer
    switch modality {
    case .text: return transformer.vocabularySize
    case .image: return transformer.imageVocabularySize
    case .audio: return transformer.audioVocabularySize
    }
  }
}
