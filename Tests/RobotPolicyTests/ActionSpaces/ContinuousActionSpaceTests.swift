import RobotInterface
import RobotPolicy
import TestSupport
import Testing
import UnifiedIO

@Suite("Continuous actions")
struct ContinuousActionSpaceTests {
  let tokenizer = FakeTokenizer()
  let space: ContinuousActionSpace

  init() throws {
    space = try #require(try ExamplePolicy.specification().actionSpace as? ContinuousActionSpace)
  }

  @Test func theGrammarAsksForEveryNumberAndThenEnds() throws {
    let grammar = try space.grammar(for: tokenizer)
    var tokens: [Int32] = []
    for _ in 0..<16 {
      #expect(grammar.choice(after: tokens) == .among([tokenizer.locationTokens]))
      tokens.append(tokenizer.locationToken(bin: tokens.count))
    }
    #expect(grammar.choice(after: tokens) == .end)
    #expect(grammar.maximumTokens == 17)
  }

  @Test func binsComeBackAsTheyWere() throws {
    let grammar = try space.grammar(for: tokenizer)
    var random = SeededGenerator(seed: 1)
    for _ in 0..<200 {
      let bins = (0..<16).map { _ in Int.random(in: 0..<1_000, using: &random) }
      let actions = try grammar.actions(from: bins.map(tokenizer.locationToken))
      #expect(actions.count == 4)
      #expect(try space.bins(of: actions) == bins)
    }
  }

  @Test func numbersAreReadCommandAfterCommand() throws {
    let bins = [0, 999, 500, 999, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    let tokens = bins.map(tokenizer.locationToken) + [1]
    let actions = try space.grammar(for: tokenizer).actions(from: tokens)
    #expect(actions[0].values[0] == -0.01)
    #expect(actions[0].values[1] == 0.01)
    #expect(actions[0].values[3] == 1)
    #expect(actions[1].values[3] == -1)
    #expect(actions.allSatisfy { $0.limited.isEmpty && $0.primitive.isEmpty })
  }

  @Test func anythingElseIsNoAnswer() throws {
    let grammar = try space.grammar(for: tokenizer)
    let location = tokenizer.locationToken(bin: 4)
    let answers: [[Int32]] = [
      [], [1], Array(repeating: location, count: 15), Array(repeating: location, count: 17),
      Array(repeating: location, count: 15) + [5], Array(repeating: 2_000, count: 16), Array(repeating: -1, count: 16),
      Array(repeating: location, count: 16) + [1, 1],
    ]
    for answer in answers {
      let error = #expect(throws: RobotError.self) { try grammar.actions(from: answer) }
      #expect(error?.code == .invalidAction)
    }
  }
}
