import Tensors
import Testing
import UnifiedIO

/// Losses of given answers; the goldens `score.*` are compared by parity.
@Suite struct ScoringTests {
  private let model: UnifiedIOModel
  private let encoded: EncodedInput

  init() throws {
    model = try UnifiedIOModel(directory: Fixtures.url("tiny-a"))
    encoded = try model.encode(ModelInput(text: [5, 6, 7, 1]))
  }

  @Test func theLossIsTheCrossEntropyOfEveryToken() throws {
    let option: [Int32] = [40, 41, 42, 1]
    let loss = try model.score(options: [option], given: encoded)[0]
    let logits = try model.logits(of: [0, 40, 41, 42], given: encoded)
    for (place, token) in option.enumerated() {
      #expect(abs(loss.tokenLosses[place] - (logits.logSumExp(row: place) - logits.row(place)[Int(token)])) < 1e-4)
    }
    #expect(loss.sum == loss.tokenLosses.reduce(0, +))
    #expect(loss.average == loss.sum / 4)
    #expect(try model.loss(of: TextTarget(tokens: option), given: encoded) == loss)
  }

  @Test func anOptionIsScoredTheSameBesideOthersAndWithPadding() throws {
    let options: [[Int32]] = [[40, 1], [50, 51, 52, 53, 1], [60, 1]]
    let together = try model.score(options: options, given: encoded)
    let apart = try options.map { try model.score(options: [$0 + [0, 0]], given: encoded)[0] }
    #expect(together == apart)
  }

  @Test func optionsThatCannotBeScoredAreErrors() {
    for option: [Int32] in [[], [0, 5], [5, -1], [5, 1_000_000], [1_000_000, 1]] {
      #expect(throws: ModelError.self) { try model.score(options: [[7, 1], option], given: encoded) }
    }
    #expect(throws: ModelError.self) {
      try model.score(options: [[Int32](repeating: 5, count: 600)], given: encoded)
    }
  }

  @Test func scoringCanBeEnded() throws {
    let losses = try model.score(options: [[5, 1], [6, 1], [7, 1]], given: encoded) { $0 < 2 }
    #expect(losses.count == 2)
  }

  @Test func theRunnersTwoEndTokensAreBothScored() throws {
    let runner = try TinyTasks.runner(), image = try TinyTasks.image()
    let released = try runner.category(of: image, among: ["a red block", "star"])
    let single = try runner.category(of: image, among: ["a red block", "star"], ending: .single)
    for (one, two) in zip(single.options, released.options) {
      #expect(two.loss.tokenLosses.count == one.loss.tokenLosses.count + 1)
      // The first of the two is the one of the shorter option.
      let shared = zip(two.loss.tokenLosses, one.loss.tokenLosses)
      #expect(shared.allSatisfy { abs($0 - $1) < 1e-4 })
    }
    #expect(released.best?.loss.average == released.options.map(\.loss.average).min())
  }

  @Test func sumAndAverageMayDisagree() {
    let options = [
      ScoredOption(text: "short", loss: TextLoss(tokenLosses: [3])),
      ScoredOption(text: "long", loss: TextLoss(tokenLosses: [2, 2])),
    ]
    #expect(Categorization(options: options, reduction: .average).best?.text == "long")
    #expect(Categorization(options: options, reduction: .sum).best?.text == "short")
    #expect(Categorization(options: [], reduction: .sum).best == nil)
  }
}
