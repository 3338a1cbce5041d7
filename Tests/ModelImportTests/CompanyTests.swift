import Foundation
import ModelImport
import Tensors
import Testing
import UnifiedIO

/// Examples that are encoded and decoded together say, to the bit, what each says alone; with random weights and a decoder too large
/// for a processor's cache, which is therefore kept in the format that was asked for.
@Suite struct CompanyTests {
  private let folder: URL

  init() throws {
    var text = String(decoding: try ReleasedSize.tiny.configuration().json, as: UTF8.self)
    for (old, new) in [
      (
        #""emb_dim": 64, "num_heads": 4, "head_dim": 16, "mlp_dim": 128"#,
        #""emb_dim": 192, "num_heads": 3, "head_dim": 64, "mlp_dim": 768"#
      ),
      (#""num_decoder_layers": 2"#, #""num_decoder_layers": 8"#),
    ] {
      #expect(text.contains(old))
      text.replace(old, with: new)
    }
    let document = try ConfigurationDocument(json: Data(text.utf8), subject: "test")
      .restricted(inputs: [.text, .image, .imageHistory], targets: [.text])
    folder = try Fixtures.folder()
    try SyntheticCheckpoint(document, seed: 3, codecs: false).write(to: folder)
  }

  /// Prompts of 2 to 60 tokens, some with a picture of 1 to 40 patches, some with a frame of history.
  private static let inputs: [ModelInput] = (0..<17).map { example in
    func patches(_ count: Int) -> PatchInput {
      PatchInput(
        patches: (0..<count * 768).map { Float(($0 &* 31 &+ example &* 97) % 251) / 125 - 1 },
        mask: [Bool](repeating: true, count: count), positions: (0..<count).map { $0 * 3 })
    }
    let words = (0..<1 + example * 31 % 59).map { Int32(50 + ($0 * 7 + example * 13) % 200) }
    var input = ModelInput(text: words + [Tokenizer.eos])
    if example % 3 != 0 { input.image = patches(1 + example * 11 % 40) }
    if example % 4 == 1 { input.imageHistory = [patches(5)] }
    return input
  }

  /// Two ids are picked; how many tokens are forced before, between and after them differs from answer to answer, up to more than
  /// few rows.
  private struct Sentence: TokenConstraint {
    let prefix: Int

    func choice(after tokens: [Int32]) -> TokenChoice {
      guard tokens.count >= prefix else { return .forced(Int32(60 + tokens.count)) }
      guard tokens.count > prefix else { return .among([100..<900]) }
      let between = Int(tokens[prefix]) % 18
      guard tokens.count > prefix + between else { return .forced(Int32(200 + tokens.count)) }
      return tokens.count == prefix + between + 1 ? .among([100..<300, 500..<900]) : .end
    }
  }

  static let weights: [WeightOptions] = [
    WeightOptions(format: .f32), WeightOptions(format: .bf16), WeightOptions(format: .int8),
    WeightOptions(format: .int8, activations: .f32), WeightOptions(format: .int8, activations: .int8),
    WeightOptions(format: .int8, activations: .int16),
  ]

  @Test(arguments: weights) func nobodyNoticesTheOthers(weights: WeightOptions) throws {
    let model = try UnifiedIOModel(directory: folder, weights: weights)
    let together = try model.encode(Self.inputs)
    let alone = try Self.inputs.map { try model.encode($0) }
    for (one, other) in zip(together, alone) { #expect(one.output.values == other.output.values) }
    for constraint in [nil, Sentence(prefix: 0), Sentence(prefix: 4), Sentence(prefix: 13)] {
      let options = GenerationOptions(maximumTokens: constraint == nil ? 5 : 40, temperature: 1, seed: 5)
      let said = try model.generateText(from: together, options: options, constraint: constraint)
      // Tokens, and every probability to the bit.
      #expect(said == (try alone.map { try model.generateText(from: $0, options: options, constraint: constraint) }))
      #expect(Set(said.map(\.tokens)).count > 12)
      #expect(constraint == nil || Set(said.map(\.tokens.count)).count > 3)
    }
  }
}
