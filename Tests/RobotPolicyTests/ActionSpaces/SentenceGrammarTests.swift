import RobotInterface
import RobotPolicy
import TestSupport
import Testing
import UnifiedIO

/// Vocabularies that spell the same words in different ways.
@Suite("Sentence grammar")
struct SentenceGrammarTests {
  static let vocabularies: [[String]] = [
    [],  // Character by character: "pick" and "push" share their first letter.
    ["pick", "push", "place", "from", "and", "to"],
    [" pick", " push", " from", " (", " )", " and", " place", " to", " 1", " 2", ":"],
    [" pick from (", " push from (", " ) and", " ) 2: pick", " ) 2", " ) 3: push", "1:"],
  ]

  /// Follows the grammar with random choices; says what was said and how often it had a choice.
  func answer(
    _ grammar: SentenceGrammar, using random: inout SeededGenerator
  ) throws -> (tokens: [Int32], choices: Int) {
    var tokens: [Int32] = []
    var choices = 0
    while tokens.count < 2_000 {
      switch grammar.choice(after: tokens) {
      case .forced(let token): tokens.append(token)
      case .among(let ranges):
        #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound })
        #expect(ranges.allSatisfy { !$0.isEmpty })
        let range = try #require(ranges.randomElement(using: &random))
        tokens.append(Int32.random(in: range, using: &random))
        choices += 1
      case .end: return (tokens, choices)
      }
    }
    Issue.record("the grammar never ends")
    return (tokens, choices)
  }

  @Test(arguments: vocabularies)
  func everyAnswerIsASentenceThatIsReadBack(words: [String]) throws {
    let tokenizer = FakeTokenizer(words: words)
    let grammar = try SentenceGrammar(tokenizer: tokenizer, maximumSteps: 3)
    var random = SeededGenerator(seed: 12)
    var lengths: Set<Int> = []
    for _ in 0..<300 {
      let (tokens, choices) = try answer(grammar, using: &random)
      #expect(tokens.last == 1)
      #expect(tokens.count <= grammar.maximumTokens)
      let steps = try grammar.steps(from: tokens)
      lengths.insert(steps.count)
      #expect(try PickAndPlaceSentence.parse(tokenizer.decode(tokens)) == steps)
      #expect(tokenizer.encode(PickAndPlaceSentence.text(of: steps)) + [1] == tokens)
      // Six numbers and a verb a step; whether another one follows, up to twice. A vocabulary may decide both at once.
      #expect(choices >= 7 * steps.count && choices <= 8 * steps.count)
      #expect(try grammar.steps(from: tokens.dropLast()) == steps)
    }
    #expect(lengths == [1, 2, 3])
  }

  @Test(arguments: vocabularies)
  func truncatedAnswersAreErrors(words: [String]) throws {
    let grammar = try SentenceGrammar(tokenizer: FakeTokenizer(words: words), maximumSteps: 3)
    var random = SeededGenerator(seed: 13)
    for _ in 0..<30 {
      let (tokens, _) = try answer(grammar, using: &random)
      let whole = try grammar.steps(from: tokens)
      for count in 0..<tokens.count - 1 {
        // A prefix that ends behind a closing bracket is an answer of fewer steps; any other is none.
        if let steps = try? grammar.steps(from: Array(tokens.prefix(count))) {
          #expect(steps.count < whole.count && whole.starts(with: steps))
          #expect(FakeTokenizer(words: words).decode(Array(tokens.prefix(count))).hasSuffix(")"))
        }
      }
    }
  }

  @Test func damagedAnswersAreErrorsOrSteps() throws {
    let grammar = try SentenceGrammar(tokenizer: FakeTokenizer(), maximumSteps: 3)
    var random = SeededGenerator(seed: 14)
    for _ in 0..<5_000 {
      var (tokens, _) = try answer(grammar, using: &random)
      let index = Int.random(in: 0..<tokens.count, using: &random)
      tokens[index] = Int32.random(in: -2...2_100, using: &random)
      _ = grammar.choice(after: Array(tokens.prefix(index + 1)))
      _ = try? grammar.steps(from: tokens)
    }
    #expect(throws: RobotError.self) { try grammar.steps(from: []) }
    #expect(throws: RobotError.self) { try grammar.steps(from: [1]) }
  }

  @Test func nothingMayFollowTheEnd() throws {
    let grammar = try SentenceGrammar(tokenizer: FakeTokenizer(), maximumSteps: 2)
    var random = SeededGenerator(seed: 15)
    let (tokens, _) = try answer(grammar, using: &random)
    #expect(grammar.choice(after: tokens) == .end)
    #expect(throws: RobotError.self) { try grammar.steps(from: tokens + [1]) }
    #expect(throws: RobotError.self) { try grammar.steps(from: tokens + [1, 1]) }
  }

  /// A vocabulary in which a location is not a token of its own.
  struct Split: TextTokenizing {
    let base = FakeTokenizer()
    var locationTokens: Range<Int32> { base.locationTokens }
    func locationToken(bin: Int) -> Int32 { base.locationToken(bin: bin) }
    func locationBin(of token: Int32) -> Int? { base.locationBin(of: token) }
    func encode(_ text: String) -> [Int32] { text.utf8.map { Int32($0) } }
    func decode(_ tokens: [Int32]) -> String { "" }
  }

  @Test func aVocabularyWithoutLocationsIsRefused() {
    let error = #expect(throws: PolicyError.self) { try SentenceGrammar(tokenizer: Split(), maximumSteps: 2) }
    #expect(error?.code == .incompatibleModel)
  }
}
