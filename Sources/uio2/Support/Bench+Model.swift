import Files
import ModelBenchmark
import Tensors
import UnifiedIO

extension Bench {
  /// A model stage by stage; each case is printed as soon as it is measured.
  func benchModel(_ subject: BenchmarkSubject, _ target: OutputTarget?) throws {
    let meter = CeilingMeter(), ceilings = meter.measureBest()
    Measurements.resetPeakMemory()
    let clock = ContinuousClock(), start = clock.now
    let model = try UnifiedIOModel(directory: subject.folder, weights: compute.options)
    var report = BenchmarkReport(
      model: size, weights: compute.options, format: model.weightFormat, ceilings: ceilings,
      loadSeconds: (clock.now - start).seconds, weightBytes: try subject.weightBytes(as: model.weightFormat))
    let benchmark = ModelBenchmark(
      model, tokenizer: try subject.tokenizer(), ceilings: ceilings, meter: meter, steps: steps ?? 5)
    try Console.say(report.head)
    for measure in cases(of: model, benchmark) {
      guard let result = try measure() else { continue }
      report.cases.append(result)
      try Console.say("\n" + result.text)
    }
    // The meter's memory is not the model's.
    report.peakMemory = Measurements.peakMemorySinceReset.map { $0 - meter.byteCount }
    try JSONFile.write(report, to: target)
    try Console.say("\n" + report.foot)
  }

  /// What is measured, in order; a case that the model does not have gives `nil`.
  private func cases(
    of model: UnifiedIOModel, _ benchmark: ModelBenchmark
  ) -> [() throws -> BenchmarkReport.Case?] {
    let media = [TargetModality.image, .audio].filter(model.hasTokenizer)
    var cases: [() throws -> BenchmarkReport.Case?] = [
      { try benchmark.sentence(width: 256, height: 128, usesGrammar: true) },
      { try benchmark.sentence(width: 256, height: 128, usesGrammar: false) },
      { try benchmark.sentence(width: 384, height: 384, usesGrammar: false) },
      {
        var parts = try benchmark.parts(tokens: 640)
        parts.rates.insert(benchmark.products(rows: 640), at: 0)
        return parts
      },
      { try benchmark.history(remembers: false) }, { try benchmark.history(remembers: true) },
    ]
    if growth {
      for tokens in [128, 256, 512, 1024] { cases.append { try benchmark.parts(tokens: tokens) } }
      for sessions in [1, 2, 4, 8, 16] { cases.append { try benchmark.parts(tokens: 128, examples: sessions) } }
    }
    if decoders { for modality in media { cases.append { try benchmark.decoder(modality) } } }
    if outputs { for modality in media { cases.append { try benchmark.longOutput(modality) } } }
    return cases
  }
}
