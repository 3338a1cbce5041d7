import Tensors
import UnifiedIO

/// Image and audio token generation: greedy ids, the logits on the way, guidance, and what the ids stand for.
enum TokenGenerationParity {
  enum Image: ParityPart {
    static let name = "generate_image"
    static func run(
      _ context: ParityContext, row: (ParityRow) -> Void, skip: (String, String) -> Void
    ) throws(ModelError) {
      try compare(Self.self, .image, greedy: "ex4_text2image", forced: "ex10_mixed", context, row: row, skip: skip)
    }
  }

  enum Audio: ParityPart {
    static let name = "generate_audio"
    static func run(
      _ context: ParityContext, row: (ParityRow) -> Void, skip: (String, String) -> Void
    ) throws(ModelError) {
      try compare(Self.self, .audio, greedy: "ex9_text2audio", forced: "ex6_audio6s", context, row: row, skip: skip)
    }
  }

  private static func compare<Part: ParityPart>(
    _ part: Part.Type, _ modality: TargetModality, greedy: String, forced: String, _ context: ParityContext,
    row: (ParityRow) -> Void, skip: (String, String) -> Void
  ) throws(ModelError) {
    let model = context.model
    guard model.configuration.targetModalities.contains(modality) else {
      skip("all", "the checkpoint does not write \(modality.rawValue)")
      return
    }
    let golden = try GoldenPart(Part.name, in: context.folder)
    let examples = try context.examples()
    for (prefix, example) in [("greedy", greedy), ("forced", forced)] {
      let tokens = try golden.integers("\(prefix).tokens")
      let encoded = try model.encode(try examples.input(example))
      if prefix == "greedy" {
        let answer = try model.generateTokens(modality, from: encoded, options: whole)
        row(Part.identical("greedy.tokens", [0] + answer.map { Int($0) }, tokens))
      }
      let logits = try model.logits(of: tokens.dropLast().map { Int32($0) }, given: encoded, modality: modality)
      for suffix in ["first_logits", "logits"] {
        row(try compareRows(part, golden, "\(prefix).\(suffix)", logits, [0]))
      }
      try compareDecoded(part, modality, context, golden, prefix, row: row, skip: skip)
    }
    if golden.has("cfg.tokens") {
      try compareGuidance(part, modality, context, golden, try examples.input(greedy), row: row)
      try compareDecoded(part, modality, context, golden, "cfg", row: row, skip: skip)
    }
  }

  /// Greedy, to the full length.
  private static var whole: GenerationOptions { GenerationOptions(maximumTokens: .max) }

  private static func compareGuidance<Part: ParityPart>(
    _ part: Part.Type, _ modality: TargetModality, _ context: ParityContext, _ golden: GoldenPart,
    _ input: ModelInput, row: (ParityRow) -> Void
  ) throws(ModelError) {
    let model = context.model, preprocessor = try OwnPreprocessing(context).preprocessor
    let encoded = try model.encode(input)
    let negative = try model.encode(
      ModelInput(text: preprocessor.textInput(Guidance.negativePrompt(for: modality), target: modality)))
    let guidance = Guidance(negative: negative)
    let tokens = try golden.integers("cfg.tokens")
    let answer = try model.generateTokens(modality, from: encoded, guidance: guidance, options: whole)
    row(Part.identical("cfg.tokens", [0] + answer.map { Int($0) }, tokens))

    // Both halves are fed the same tokens.
    let fed = tokens.dropLast().map { Int32($0) }
    let logits = try model.logits(of: fed, given: encoded, modality: modality)
    let other = try model.logits(of: fed, given: negative, modality: modality)
    let raw = Tensor.stacking([logits, other])
    row(try compareRows(part, golden, "cfg.first_raw_logits", raw, [0, logits.rows]))
    let combined = (0..<logits.rows).map { index in
      let range = index..<index + 1
      return Tensor(
        Guidance.scores(logits: logits.rows(in: range), negative: other.rows(in: range), scale: guidance.scale),
        shape: [1, logits.columns])
    }
    row(try compareRows(part, golden, "cfg.combined", Tensor.stacking(combined), [0]))
  }

  /// - Parameter starts: our row of the reference's first row, for each example of its batch.
  private static func compareRows<Part: ParityPart>(
    _ part: Part.Type, _ golden: GoldenPart, _ tensor: String, _ ours: Tensor, _ starts: [Int]
  ) throws(ModelError) -> ParityRow {
    var comparison = Comparison()
    let all = try golden.floats(tensor).values, length = all.count / starts.count
    for (batch, start) in starts.enumerated() {
      let end = batch + 1 < starts.count ? starts[batch + 1] : ours.rows
      comparison.add(
        ours.rows(in: start..<end), kept: Array(0..<end - start),
        golden: all[batch * length..<(batch + 1) * length], stride: golden.stride(tensor))
    }
    return ParityRow(part: Part.name, tensor: tensor, comparison, tolerance: Part.tolerance)
  }

  /// The picture `[1, height, width, 3]` or spectrogram `[1, bands, steps, 1]` of the golden ids.
  private static func compareDecoded<Part: ParityPart>(
    _ part: Part.Type, _ modality: TargetModality, _ context: ParityContext, _ golden: GoldenPart, _ prefix: String,
    row: (ParityRow) -> Void, skip: (String, String) -> Void
  ) throws(ModelError) {
    let tensor = "\(prefix).decoded"
    guard golden.has(tensor) else { return }
    guard context.model.hasTokenizer(modality) else {
      skip(tensor, "the checkpoint has no \(modality.rawValue) tokeniser")
      return
    }
    let tokens = try golden.integers("\(prefix).tokens").dropFirst().map { Int32($0) }
    let rows: Tensor
    if modality == .image {
      let picture = try context.model.image(of: tokens)
      rows = Tensor(picture.values, shape: [picture.height, picture.width * 3])
    } else {
      let spectrogram = try context.model.spectrogram(of: tokens)
      rows = Tensor(spectrogram.normalizedBands, shape: [LogMelSpectrogram.bands, LogMelSpectrogram.steps])
    }
    var comparison = Comparison()
    comparison.add(
      rows, kept: Array(0..<rows.rows), golden: try golden.floats(tensor).values[...], stride: golden.stride(tensor))
    row(
      ParityRow(part: Part.name, tensor: tensor, comparison, tolerance: CodecsParity.decodedTolerance))
  }
}
