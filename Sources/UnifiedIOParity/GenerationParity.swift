import Files
import Foundation
import Tensors
import UnifiedIO

/// Text generation: greedy answers, forced steps through the cache, scored options.
enum TextGenerationParity: ParityPart {
  static let name = "generate_text"

  static func run(
    _ context: ParityContext, row: (ParityRow) -> Void, skip: (String, String) -> Void
  ) throws(ModelError) {
    let golden = try GoldenPart(name, in: context.folder)
    let examples = try context.examples()
    for (run, names) in try runs(in: context.folder) where golden.has("greedy.\(run).tokens") {
      let prefix = "greedy.\(run)"
      try compareGreedy(context.model, golden, examples, prefix, names, row: row)
    }
    if golden.has("forced.tokens") {
      let tokens = try golden.integers("forced.tokens").dropLast().map { Int32($0) }
      let encoded = try context.model.encode(try examples.input("ex0_robot_img"))
      let logits = try context.model.logits(of: tokens, given: encoded)
      row(try compareLogits(golden, "forced.logits", [logits]))
    }
    for prefix in ["score.runner_double_eos", "score.single_eos"] where golden.has("\(prefix).options") {
      try compareScores(context.model, golden, examples, prefix, row: row)
    }
    try BeamParity.run(Self.self, context, golden, examples, row: row)
  }

  /// The examples of each greedy run, from the part's description.
  private static func runs(in folder: URL) throws(ModelError) -> [(String, [String])] {
    struct Run: Decodable { let examples: [String]? }
    struct Info: Decodable {
      let b1: Run?
      let b2: Run?
      let textonly: Run?
    }
    struct Description: Decodable { let info: Info }
    let url = folder.appending(path: "\(name).json")
    do {
      let info = try JSONDecoder().decode(Description.self, from: Data(InputFile.bytes(of: url.path))).info
      return [("b1", info.b1), ("b2", info.b2), ("textonly", info.textonly)].map { ($0, $1?.examples ?? []) }
        .filter { !$1.isEmpty }
    } catch {
      throw ModelError(.unreadableFile, url.path, "does not say which examples were generated: \(error)")
    }
  }

  private static func compareGreedy(
    _ model: UnifiedIOModel, _ golden: GoldenPart, _ examples: GoldenExamples, _ prefix: String, _ names: [String],
    row: (ParityRow) -> Void
  ) throws(ModelError) {
    let tokens = try golden.integers("\(prefix).tokens"), width = tokens.count / names.count
    var ours: [Int] = []
    var logits: [Tensor] = []
    for name in names {
      let encoded = try model.encode(try examples.input(name))
      let answer = try model.generateText(from: encoded, options: GenerationOptions(maximumTokens: width - 1))
      let padding = [Int](repeating: Int(Tokenizer.eos), count: width - 1 - answer.tokens.count)
      ours += [0] + answer.tokens.map { Int($0) } + padding
      logits.append(try model.logits(of: [Tokenizer.bos] + answer.tokens.dropLast(), given: encoded))
    }
    row(identical("\(prefix).tokens", ours, tokens))
    row(try compareLogits(golden, "\(prefix).logits", logits))
  }

  private static func compareLogits(
    _ golden: GoldenPart, _ tensor: String, _ logits: [Tensor]
  ) throws(ModelError) -> ParityRow {
    let all = try golden.floats(tensor).values, length = all.count / logits.count
    var comparison = Comparison()
    for (batch, ours) in logits.enumerated() {
      comparison.add(
        ours, kept: Array(0..<ours.rows), golden: all[batch * length..<(batch + 1) * length],
        stride: golden.stride(tensor))
    }
    return ParityRow(
      part: name, tensor: tensor, relativeError: comparison.relativeError, tolerance: tolerance,
      note: comparison.note)
  }

  private static func compareScores(
    _ model: UnifiedIOModel, _ golden: GoldenPart, _ examples: GoldenExamples, _ prefix: String,
    row: (ParityRow) -> Void
  ) throws(ModelError) {
    let options = try golden.integers("\(prefix).options"), count = golden.shape("\(prefix).options")[0]
    let width = options.count / count
    let encoded = try model.encode(try examples.input("ex1_box"))
    let rows = (0..<count).map { index in options[index * width..<(index + 1) * width].map { Int32($0) } }
    let losses = try model.score(options: rows, given: encoded)
    for (suffix, ours) in [("avg0", losses.map(\.sum)), ("avg1", losses.map(\.average))] {
      var comparison = Comparison()
      comparison.add(ours, try golden.floats("\(prefix).\(suffix)").values)
      row(
        ParityRow(
          part: name, tensor: "\(prefix).\(suffix)", relativeError: comparison.relativeError, tolerance: tolerance))
    }
  }
}

/// Greedy answers that end early (EOS made more likely).
enum EarlyStopParity: ParityPart {
  static let name = "generate_text_eos"

  static func run(
    _ context: ParityContext, row: (ParityRow) -> Void, skip: (String, String) -> Void
  ) throws(ModelError) {
    let golden = try GoldenPart(name, in: context.folder)
    let examples = try context.examples()
    let tokens = try golden.integers("greedy.tokens"), names = ["ex0_robot_img", "ex10_mixed"]
    let width = tokens.count / names.count
    var ours: [Int] = []
    for name in names {
      let answer = try context.model.generateText(
        from: try context.model.encode(try examples.input(name)),
        options: GenerationOptions(maximumTokens: width - 1, logitBias: [Tokenizer.eos: 1.5]))
      let padding = [Int](repeating: Int(Tokenizer.eos), count: width - 1 - answer.tokens.count)
      ours += [0] + answer.tokens.map { Int($0) } + padding
    }
    row(identical("greedy.tokens", ours, tokens))
    try BeamParity.run(Self.self, context, golden, examples, row: row)
  }
}
