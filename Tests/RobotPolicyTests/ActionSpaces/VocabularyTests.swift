import Foundation
import RobotInterface
import RobotPolicy
import TestSupport
import Testing
import UnifiedIO

/// The grammar of sentences in a real SentencePiece vocabulary.
@Suite("Sentences in a SentencePiece vocabulary")
struct VocabularyTests {
  let tokenizer: Tokenizer

  init() throws {
    let tests = (0..<3).reduce(URL(filePath: #filePath)) { url, _ in url.deletingLastPathComponent() }
    tokenizer = try Tokenizer(modelFile: tests.appending(path: "UnifiedIOTests/Fixtures/tiny-a/tokenizer.model"))
  }

  @Test func locationsHaveTheSameNames() {
    for bin in 0..<1_000 {
      #expect(tokenizer.encode(LocationCodec.text(of: bin)) == [tokenizer.locationToken(bin: bin)])
      #expect(tokenizer.locationBin(of: tokenizer.locationToken(bin: bin)) == bin)
    }
  }

  @Test func answersOfTheGrammarAreSpelledAsTheTokenizerSpellsThem() throws {
    let grammar = try SentenceGrammar(tokenizer: tokenizer, maximumSteps: 12)
    var random = SeededGenerator(seed: 30)
    for _ in 0..<200 {
      var tokens: [Int32] = []
      said: while true {
        switch grammar.choice(after: tokens) {
        case .forced(let token): tokens.append(token)
        case .among(let ranges):
          let range = try #require(ranges.randomElement(using: &random))
          tokens.append(Int32.random(in: range, using: &random))
        case .end: break said
        }
      }
      let steps = try grammar.steps(from: tokens)
      let text = PickAndPlaceSentence.text(of: steps)
      #expect(tokenizer.encode(text) + [1] == tokens)
      #expect(tokenizer.decode(tokens) == text)
      #expect(try PickAndPlaceSentence.parse(tokenizer.decode(tokens)) == steps)
    }
  }
}
