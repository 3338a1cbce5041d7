import Foundation
import Tensors
import Testing
import UnifiedIO

/// Hooks inside generation, on the golden checkpoint.
@Suite struct LogitsProcessorTests {
  private let model: UnifiedIOModel
  private let encoded: EncodedInput
  private let locations: Range<Int32>

  init() throws {
    model = try UnifiedIOModel(directory: Fixtures.url("tiny-a"))
    encoded = try model.encode(ModelInput(text: [5, 6, 7, 1]))
    locations = try TinyTasks.tokenizer().locationTokens
  }

  @Test(arguments: [0.05, 0.3, 0.6])
  func everyTokenIsTheBestOfWhatTheRuleLeaves(threshold: Double) throws {
    let rule = LocationPreference(locations: locations, threshold: threshold)
    let answer = try model.generateText(
      from: encoded, options: GenerationOptions(maximumTokens: 24), processor: rule)
    let logits = try model.logits(of: [Tokenizer.bos] + answer.tokens.dropLast(), given: encoded)
    for (place, token) in answer.tokens.enumerated() {
      let row = logits.row(place), normalizer = logits.logSumExp(row: place)
      let mass = locations.reduce(0.0) { $0 + exp(Double(row[Int($1)] - normalizer)) }
      let allowed = mass > threshold ? Array(locations) : Array(0..<Int32(row.count))
      #expect(allowed.max { row[Int($0)] < row[Int($1)] } == token)
      let total = allowed.reduce(0.0) { $0 + exp(Double(row[Int($1)] - normalizer)) }
      let share = exp(Double(row[Int(token)] - normalizer)) / total
      #expect(abs(answer.probabilities[place] - share) < 1e-4)
    }
  }

  @Test func theConfidenceIsTheMeanOfTheProbabilities() throws {
    let answer = try model.generateText(from: encoded, options: GenerationOptions(maximumTokens: 8))
    let mean = exp(answer.probabilities.map { log($0) }.reduce(0, +) / Double(answer.probabilities.count))
    #expect(answer.probabilities.count == answer.tokens.count)
    #expect(abs(mean - answer.confidence) < 1e-9)
  }

  private struct OnlyOne: LogitsProcessor {
    let token: Int32
    func process(_ row: inout LogitsRow, after tokens: [Int32]) { row.keep(only: token..<token + 1) }
  }

  @Test func beamsSeeTheRuleToo() throws {
    let found = try model.beamSearch(
      from: encoded, options: BeamSearchOptions(beams: 2, maximumTokens: 5), processor: OnlyOne(token: 77))
    #expect(found.first?.tokens == [77, 77, 77, 77, 77])
  }

  @Test func whoWatchesIsToldEveryTokenAndMayEndTheAnswer() throws {
    var seen: [GenerationStep] = []
    let answer = try model.generateText(from: encoded, options: GenerationOptions(maximumTokens: 9)) { step in
      seen.append(step)
      return step.count < 4
    }
    #expect(seen.map(\.token) == answer.tokens)
    #expect(seen.map(\.count) == [1, 2, 3, 4])
    #expect(seen.allSatisfy { $0.limit == 9 })
    #expect(answer.finishReason == .stopped)
    var steps = 0
    _ = try model.beamSearch(from: encoded, options: BeamSearchOptions(beams: 2, maximumTokens: 9)) { _ in
      steps += 1
      return steps < 3
    }
    #expect(steps == 3)
  }

  @Test func severalExamplesAreAnsweredAsOneByOne() throws {
    let tokenizer = try TinyTasks.tokenizer()
    let preprocessor = Preprocessor(configuration: model.configuration, tokenizer: tokenizer)
    let inputs = [
      ModelInput(text: preprocessor.textInput("one")),
      ModelInput(
        text: preprocessor.textInput("a much longer prompt than the first"),
        image: try preprocessor.imageInput(try TinyTasks.image())),
    ]
    let options = GenerationOptions(maximumTokens: 6, temperature: 1, seed: 3)
    let together = try model.generateText(from: model.encode(inputs), options: options)
    let apart = try inputs.map { try model.generateText(from: model.encode($0), options: options) }
    #expect(together == apart)
    #expect(together[0] != together[1])
  }
}
