import Tensors
import UnifiedIO

/// What the models are asked.
struct Examples {
  /// Hidden states are compared on this many examples.
  private static let probed = 16

  var inputs: [ModelInput]
  var options: GenerationOptions
  var constraint: (any TokenConstraint)?

  /// The tokens that `model` says; `advance` is called after each answer.
  func answers(of model: UnifiedIOModel, _ advance: () -> Void) throws -> [[Int32]] {
    try inputs.map { input in
      defer { advance() }
      return try model.generateText(from: model.encode(input), options: options, constraint: constraint).tokens
    }
  }

  /// Adds to `row` how far `other` is from `reference` when both are fed the same tokens.
  func compare(
    _ other: UnifiedIOModel, with reference: UnifiedIOModel, _ answers: [[Int32]], _ row: inout Distortion.Row
  ) throws {
    for (input, answer) in zip(inputs, answers).prefix(Self.probed) {
      let fed = [Tokenizer.bos] + answer.dropLast()
      let (expected, expectedLogits) = try Self.trace(reference, input, fed)
      let (found, foundLogits) = try Self.trace(other, input, fed)
      for (name, tensor) in expected {
        guard let other = found[name] else { continue }
        row.layers[name] = max(row.layers[name] ?? 0, Self.relativeError(other, tensor))
      }
      row.logits += Self.relativeError(foundLogits, expectedLogits) / Double(min(inputs.count, Self.probed))
    }
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
}

extension Distortion.Row {
  /// A row without any figures yet.
  init(_ candidate: WeightOptions, answers: Int) {
    let isRounded = candidate.format == .int8
    self.init(
      weights: candidate.format?.rawValue ?? "",
      activations: isRounded ? candidate.activations?.rawValue ?? "suited" : "f32",
      block: isRounded ? candidate.block : nil, layers: [:], logits: 0, sameTokens: 0, tokens: 0, nearTokens: 0,
      sameAnswers: 0, answers: answers)
  }

  /// Counts the tokens that two models say alike.
  mutating func count(_ said: [[Int32]], _ expected: [[Int32]]) {
    for (said, expected) in zip(said, expected) {
      tokens += expected.count
      sameTokens += zip(said, expected).count { $0 == $1 }
      nearTokens += zip(said, expected).count { abs($0 - $1) <= 2 }
      sameAnswers += said == expected ? 1 : 0
    }
  }
}
