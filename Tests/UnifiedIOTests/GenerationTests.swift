import Tensors
import Testing
import UnifiedIO

/// Sampling and grammars on the golden checkpoint.
@Suite struct GenerationTests {
  private let model: UnifiedIOModel
  private let preprocessor: Preprocessor
  private let encoded: EncodedInput

  init() throws {
    let tiny = try TinyModel()
    (model, preprocessor) = (tiny.model, tiny.preprocessor)
    encoded = try model.encode(ModelInput(text: [5, 6, 7, 1]))
  }

  @Test func theSameSeedGivesTheSameAnswer() throws {
    func tokens(_ seed: UInt64) throws -> [Int32] {
      try model.generateText(
        from: encoded, options: GenerationOptions(maximumTokens: 12, temperature: 1, topK: 50, topP: 0.9, seed: seed)
      ).tokens
    }
    #expect(try tokens(3) == tokens(3))
    #expect(try tokens(3) != tokens(4))
  }

  @Test func samplingFromOneCandidateIsGreedy() throws {
    let greedy = try model.generateText(from: encoded, options: GenerationOptions(maximumTokens: 8))
    let narrow = try model.generateText(
      from: encoded, options: GenerationOptions(maximumTokens: 8, temperature: 1, topK: 1, seed: 5))
    let nucleus = try model.generateText(
      from: encoded, options: GenerationOptions(maximumTokens: 8, temperature: 1, topP: 1e-9, seed: 5))
    #expect(greedy.tokens == narrow.tokens)
    #expect(greedy.tokens == nucleus.tokens)
    #expect(greedy.finishReason == .length)
    #expect(greedy.confidence > 0 && greedy.confidence < 1)
  }

  /// Alternates forced words and a choice among ranges.
  private struct Grammar: TokenConstraint {
    let ranges: [Range<Int32>]
    func choice(after tokens: [Int32]) -> TokenChoice {
      if tokens.count >= 9 { return .end }
      return tokens.count % 3 == 2 ? .among(ranges) : .forced(Int32(300 + tokens.count))
    }
  }

  @Test func aGrammarIsAlwaysObeyed() throws {
    let grammar = Grammar(ranges: [100..<140, 2000..<2100])
    let answer = try model.generateText(from: encoded, constraint: grammar)
    #expect(answer.finishReason == .end)
    #expect(answer.tokens.count == 9)
    for (place, token) in answer.tokens.enumerated() {
      if place % 3 == 2 {
        #expect((100..<140).contains(token) || (2000..<2100).contains(token))
      } else {
        #expect(token == Int32(300 + place))
      }
    }
  }

  @Test func feedingForcedTokensTogetherChangesNothing() throws {
    // The same choices from teacher-forced logits, one token after the other.
    let grammar = Grammar(ranges: [100..<140, 2000..<2100])
    let answer = try model.generateText(from: encoded, constraint: grammar)
    let logits = try model.logits(of: [Tokenizer.bos] + answer.tokens.dropLast(), given: encoded)
    for place in stride(from: 2, to: 9, by: 3) {
      let row = logits.row(place)
      let allowed = Array(100..<140) + Array(2000..<2100)
      #expect(allowed.max { row[$0] < row[$1] } == Int(answer.tokens[place]))
    }
  }

  @Test func onlyForcedTokensHaveFullConfidence() throws {
    struct Fixed: TokenConstraint {
      func choice(after tokens: [Int32]) -> TokenChoice { tokens.count < 4 ? .forced(7) : .end }
    }
    let answer = try model.generateText(from: encoded, constraint: Fixed())
    #expect(answer.tokens == [7, 7, 7, 7])
    #expect(answer.confidence == 1)
  }

  @Test func impossibleGrammarsAreErrors() {
    struct Impossible: TokenConstraint {
      let choice: TokenChoice
      func choice(after tokens: [Int32]) -> TokenChoice { choice }
    }
    for choice in [TokenChoice.among([]), .among([5..<5]), .among([3000..<5000]), .among([-5..<3])] {
      #expect(throws: ModelError.self) {
        try model.generateText(from: encoded, constraint: Impossible(choice: choice))
      }
    }
  }

  @Test func paddedPatchesChangeNothing() throws {
    let image = try preprocessor.imageInput(try Image.decode(Fixtures.bytes("tiny-a/media/img_256x128.png")))
    let kept = image.mask.indices.filter { image.mask[$0] }
    #expect(kept.count < image.count)
    // What they hold does not matter either.
    var noisy = image
    for index in image.mask.indices where !image.mask[index] {
      for value in index * 768..<(index + 1) * 768 { noisy.patches[value] = Float(value % 97) - 40 }
    }
    let dropped = PatchInput(
      patches: kept.flatMap { image.patches[$0 * 768..<($0 + 1) * 768] }, mask: kept.map { _ in true },
      positions: kept.map { image.positions[$0] })
    let one = try model.encode(ModelInput(text: [5, 1], image: image))
    let other = try model.encode(ModelInput(text: [5, 1], image: dropped))
    #expect(one.output.values == other.output.values)
    #expect(try model.encode(ModelInput(text: [5, 1], image: noisy)).output.values == one.output.values)
  }
}
