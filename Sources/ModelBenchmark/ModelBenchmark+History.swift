import Tensors
import UnifiedIO

extension ModelBenchmark {
  /// Pictures into the encoder as a robot sends them: a new one each step, and the one of the step before enters the history.
  ///
  /// - Parameters:
  ///   - frames: of the history; as many as the model reads at most.
  ///   - remembers: whether frames that were encoded in earlier steps are known.
  /// - Returns: `nil` for a model without image history.
  public func history(frames: Int = 4, remembers: Bool) throws -> BenchmarkReport.Case? {
    let frames = min(frames, model.configuration.sequenceLength.frames)
    guard frames > 0, model.configuration.inputModalities.contains(.imageHistory) else { return nil }
    let pictures = try (0...steps + frames).map { try Image.decode(Self.picture(256, 128, seed: UInt64($0 + 1))) }
    let seen = try pictures.map { try preprocessor.historyInput($0) }
    var samples = StageSamples()
    var tokens = 0
    model.encodings.removeAll()
    for step in 0...steps {
      if !remembers { model.encodings.removeAll() }
      var stages = StageSamples()
      let clock = ContinuousClock(), start = clock.now
      var input = ModelInput(text: text(64), imageHistory: Array(seen[step..<step + frames]))
      input.image = try stages.measure(.preprocess) { try preprocessor.imageInput(pictures[step + frames]) }
      var timings = EncodingTimings()
      tokens = try model.encode(input, timings: &timings).output.rows
      stages.add(timings.vision, to: .vision)
      stages.add(timings.encode, to: .encode)
      stages.add(clock.now - start, to: .whole)
      // In the first one every frame is new.
      if step > 0 { samples.add(stages) }
    }
    let kind = remembers ? "1 of them new" : "none known from before"
    return BenchmarkReport.Case(
      name: "256x128 image + \(frames) history frames, \(kind)", encoderTokens: tokens, stages: samples.named, rates: []
    )
  }
}
