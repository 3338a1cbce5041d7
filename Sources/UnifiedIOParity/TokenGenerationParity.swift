import Tensors
import UnifiedIO

/// Image and audio token generation: greedy ids and the logits on the way.
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
        let answer = try model.generate(
          modality, from: encoded, options: GenerationOptions(maximumTokens: tokens.count - 1))
        row(Part.identical("greedy.tokens", [0] + answer.tokens.map { Int($0) }, tokens))
      }
      let logits = try model.logits(of: tokens.dropLast().map { Int32($0) }, given: encoded, modality: modality)
      for suffix in ["first_logits", "logits"] {
        let tensor = "\(prefix).\(suffix)"
        var comparison = Comparison()
        comparison.add(
          logits, kept: Array(0..<logits.rows), golden: try golden.floats(tensor).values[...],
          stride: golden.stride(tensor))
        row(
          ParityRow(
            part: Part.name, tensor: tensor, relativeError: comparison.relativeError, tolerance: Part.tolerance))
      }
    }
    if golden.has("cfg.tokens") { skip("cfg.*", "classifier-free guidance is not built yet") }
    skip("*.decoded", "the tokeniser that turns ids into \(modality.rawValue) is not built yet")
  }
}
