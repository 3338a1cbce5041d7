import Foundation
import Reporting
import Tensors
import UnifiedIO

/// What smaller weights change: hidden states layer by layer, logits, and the tokens that are said.
public struct Distortion: Sendable, Encodable {
  /// One way to keep and multiply weights, against 32 bits.
  public struct Row: Sendable, Encodable {
    public var weights: String
    public var activations: String
    /// Inputs that share a scale, of 8-bit weights.
    public var block: Int?
    /// Relative error of each layer's output, `‖x − x₃₂‖ / ‖x₃₂‖`, the largest over the examples.
    public var layers: [String: Double]
    /// The same of the logits while the tokens of the 32-bit model are fed; the mean over the examples.
    public var logits: Double
    /// Tokens that are the same when each model goes its own way.
    public var sameTokens: Int
    public var tokens: Int
    /// Tokens whose ids lie at most 2 apart: of 1000 location tokens, 0.2 % of the range that they stand for.
    public var nearTokens: Int
    /// Answers that are the same as a whole.
    public var sameAnswers: Int
    public var answers: Int

    enum CodingKeys: String, CodingKey {
      case weights, activations, block, layers, logits, tokens, answers
      case nearTokens = "near_tokens"
      case sameTokens = "same_tokens"
      case sameAnswers = "same_answers"
    }

    /// E.g. `int8 (32)` for a scale every 32 inputs.
    public var name: String { weights + (block.map { " (\($0))" } ?? "") }

    /// 0...1.
    public var agreement: Double { tokens == 0 ? 1 : Double(sameTokens) / Double(tokens) }
  }

  /// What ``measure(_:inputs:constraint:maximumTokens:onProgress:)`` is about to do.
  public struct Progress: Sendable {
    /// From 1.
    public var step = 0
    /// All of them.
    public var steps: Int
    /// The weights that are looked at, e.g. `int8 weights, f32 activations`.
    public var name = ""
    /// Examples of this step that are done.
    public var example = 0
    /// All of them.
    public var examples: Int

    fileprivate mutating func begin(_ name: String) {
      self.name = name
      step += 1
      example = 0
    }
  }

  public var rows: [Row] = []

  /// Compares bf16 and int8, the latter with activations in 8 and 32 bits and in several blocks, with 32-bit weights.
  ///
  /// - Parameters:
  ///   - folder: of the checkpoint.
  ///   - inputs: what the models are asked.
  ///   - constraint: the grammar of the answers.
  ///   - maximumTokens: of an answer.
  ///   - onProgress: is told before each model is loaded and after each of its answers; large models take minutes.
  public static func measure(
    _ folder: URL, inputs: [ModelInput], constraint: (any TokenConstraint)?, maximumTokens: Int,
    onProgress: (Progress) -> Void = { _ in }
  ) throws -> Distortion {
    let examples = Examples(
      inputs: inputs, options: GenerationOptions(maximumTokens: maximumTokens), constraint: constraint)
    let candidates = [
      WeightOptions(format: .bf16), WeightOptions(format: .int8), WeightOptions(format: .int8, activations: .f32),
      WeightOptions(format: .int8, activations: .int16), WeightOptions(format: .int8, activations: .int8),
      WeightOptions(format: .int8, block: 32),
    ]
    var progress = Progress(steps: candidates.count + 1, examples: inputs.count)
    func model(_ weights: WeightOptions, _ name: String) throws -> UnifiedIOModel {
      progress.begin(name)
      onProgress(progress)
      return try UnifiedIOModel(directory: folder, weights: weights)
    }
    func advance() {
      progress.example += 1
      onProgress(progress)
    }
    let reference = try model(WeightOptions(format: .f32), "f32 weights")
    let answers = try examples.answers(of: reference, advance)
    var report = Distortion()
    for candidate in candidates {
      var row = Row(candidate, answers: inputs.count)
      let other = try model(candidate, "\(row.name) weights, \(row.activations) activations")
      try examples.compare(other, with: reference, answers, &row)
      row.count(try examples.answers(of: other, advance), answers)
      report.rows.append(row)
    }
    return report
  }

  /// For people.
  public var text: String {
    var table = TextTable(
      header: ["weights", "activations", "same tokens", "ids within 2", "same answers", "logits", "worst layer"],
      alignment: [.left, .left, .right, .right, .right, .right, .left])
    for row in rows {
      let worst = row.layers.max { ($0.value, $0.key) < ($1.value, $1.key) }
      table.append([
        row.name, row.activations,
        String(format: "%d of %d, %.2f %%", row.sameTokens, row.tokens, row.agreement * 100),
        String(format: "%.2f %%", row.tokens == 0 ? 100 : 100 * Double(row.nearTokens) / Double(row.tokens)),
        "\(row.sameAnswers) of \(row.answers)", String(format: "%.2e", row.logits),
        worst.map { String(format: "%.2e", $0.value) + " (\($0.key))" } ?? "",
      ])
    }
    var layers = TextTable(
      header: ["layer"] + rows.map { "\($0.name)/\($0.activations)" },
      alignment: [.left] + rows.map { _ in .right })
    for name in (rows.first?.layers.keys.sorted { $0.localizedStandardCompare($1) == .orderedAscending }) ?? [] {
      layers.append([name] + rows.map { String(format: "%.2e", $0.layers[name] ?? 0) })
    }
    return table.text + "\n\nrelative error of each layer's output, largest over the examples\n" + layers.text
  }
}
