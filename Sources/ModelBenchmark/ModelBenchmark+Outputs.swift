import Tensors
import UnifiedIO

extension ModelBenchmark {
  /// All tokens of a picture or a sound, greedily, and the decoder that makes pixels or a spectrogram of them.
  public func longOutput(_ modality: TargetModality) throws -> BenchmarkReport.Case {
    let clock = ContinuousClock()
    let encoded = try model.encode(ModelInput(text: text(32)))
    var samples = StageSamples()
    var last = clock.now
    let start = last
    let tokens = try model.generateTokens(
      modality, from: encoded, options: GenerationOptions(maximumTokens: .max),
      progress: { _ throws(ModelError) in
        let now = clock.now
        samples.add(now - last, to: .token)
        last = now
      })
    let generated = clock.now
    for _ in 0..<3 {
      try samples.measure(.post) {
        if modality == .image { _ = try model.image(of: tokens) } else { _ = try model.spectrogram(of: tokens) }
      }
    }
    samples.add(generated - start, to: .whole)
    let figures = samples.figures
    var rates: [BenchmarkReport.Rate] = []
    if let token = figures[.token] {
      let bytes = costs.tokenBytes(
        encoderTokens: [encoded.output.rows], vocabulary: vocabulary(of: modality), decodedTokens: tokens.count / 2)
      let value = bytes / token.median * 1e-6
      rates.append(
        .init(
          name: "decoder token, half-way", value: value, unit: "GB/s", ofCeiling: value / max(ceilings.read, 1e-9)))
    }
    return BenchmarkReport.Case(
      name: "\(tokens.count) \(modality.rawValue) tokens and their decoder", encoderTokens: encoded.output.rows,
      stages: samples.named, rates: rates)
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
