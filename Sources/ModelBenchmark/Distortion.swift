import Foundation
import PolicyEvaluation
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

  public var rows: [Row] = []

  /// Hidden states are compared on so many examples.
  private static let probedExamples = 16

  /// Compares bf16 and int8, the latter with activations in 8 and 32 bits and in several blocks, with 32-bit weights.
  ///
  /// - Parameters:
  ///   - folder: of the checkpoint.
  ///   - inputs: what the models are asked.
  ///   - constraint: the grammar of the answers.
  ///   - maximumTokens: of an answer.
  public static func measure(
    _ folder: URL, inputs: [ModelInput], constraint: (any TokenConstraint)?, maximumTokens: Int
  ) throws -> Distortion {
    let options = GenerationOptions(maximumTokens: maximumTokens)
    func model(_ weights: WeightOptions) throws -> UnifiedIOModel {
      try UnifiedIOModel(directory: folder, weights: weights)
    }
    let reference = try model(WeightOptions(format: .f32))
    let answers = try inputs.map {
      try reference.generateText(from: reference.encode($0), options: options, constraint: constraint).tokens
    }
    var report = Distortion()
    let candidates = [
      WeightOptions(format: .bf16), WeightOptions(format: .int8), WeightOptions(format: .int8, activations: .f32),
      WeightOptions(format: .int8, activations: .int16), WeightOptions(format: .int8, activations: .int8),
      WeightOptions(format: .int8, block: 32),
    ]
    for candidate in candidates {
      let other = try model(candidate)
      let isRounded = candidate.format == .int8
      var row = Row(
        weights: candidate.format?.rawValue ?? "",
        activations: isRounded ? candidate.activations?.rawValue ?? "suited" : "f32",
        block: isRounded ? candidate.block : nil, layers: [:], logits: 0, sameTokens: 0, tokens: 0, nearTokens: 0,
        sameAnswers: 0, answers: inputs.count)
      for (input, answer) in zip(inputs, answers).prefix(Self.probedExamples) {
        let fed = [Tokenizer.bos] + answer.dropLast()
        let (expected, expectedLogits) = try Self.trace(reference, input, fed)
        let (found, foundLogits) = try Self.trace(other, input, fed)
        for (name, tensor) in expected {
          guard let other = found[name] else { continue }
          row.layers[name] = max(row.layers[name] ?? 0, Self.relativeError(other, tensor))
        }
        row.logits +=
          Self.relativeError(foundLogits, expectedLogits) / Double(min(inputs.count, Self.probedExamples))
      }
      for (input, answer) in zip(inputs, answers) {
        let said = try other.generateText(from: other.encode(input), options: options, constraint: constraint).tokens
        row.tokens += answer.count
        row.sameTokens += zip(said, answer).count { $0 == $1 }
        row.nearTokens += zip(said, answer).count { abs($0 - $1) <= 2 }
        row.sameAnswers += said == answer ? 1 : 0
      }
      report.rows.append(row)
    }
    return report
  }

  private static func trace(
    _ model: UnifiedIOModel, _ input: ModelInput, _ tokens: [Int32]
  ) throws -> (layers: [String: [Float]], logits: [Float]) {
    var layers: [String: [Float]] = [:]
    let probe: Probe = { name, tensor in
      if name.contains("coder_layer") || name.hasSuffix("coder_final") { layers[name] = tensor.values }
    }
    let encoded = try model.encode(input, probe: probe)
    let logits = try model.logits(of: tokens, given: encoded, probe: probe)
    return (layers, logits.values)
  }

  private static func relativeError(_ x: [Float], _ reference: [Float]) -> Double {
    var difference = 0.0, length = 0.0
    for (a, b) in zip(x, reference) {
      difference += Double(a - b) * Double(a - b)
      length += Double(b) * Double(b)
    }
    return length > 0 ? (difference / length).squareRoot() : 0
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
