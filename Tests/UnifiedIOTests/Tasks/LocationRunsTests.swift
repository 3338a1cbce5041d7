import TestSupport
import Testing
import UnifiedIO

/// Locations in answers, with and without labels.
@Suite struct LocationRunsTests {
  private let tokenizer: Tokenizer

  init() throws { tokenizer = try TinyTasks.tokenizer() }

  private func labels(_ text: String, count: Int = 4) -> [String] {
    tokenizer.labelledLocations(in: tokenizer.encode(text), count: count).map(\.label)
  }

  @Test func runsAreFoundWithTheWordsAroundThem() {
    let tokens = tokenizer.encode("pick from <extra_id_200> <extra_id_1199> and place to <extra_id_300>") + [1, 997]
    let runs = tokenizer.locationRuns(in: tokens)
    #expect(runs.map(\.values) == [[0, 1], [Float(100) / 999]])
    #expect(runs.map { tokenizer.decode(Array($0.wordsBefore)) } == ["pick from", "and place to"])
    #expect(runs.map { tokenizer.decode(Array($0.wordsAfter)) } == ["and place to", ""])
    #expect(runs.map { tokens[$0.places].allSatisfy(tokenizer.locationTokens.contains) } == [true, true])
  }

  @Test func labelsAreSmallLettersBehindOneSpace() {
    let box = "<extra_id_200> <extra_id_300> <extra_id_400> <extra_id_500>"
    #expect(labels("\(box) red block \(box) star") == ["red block", "star"])
    #expect(labels("\(box) Cat") == [])
    #expect(labels("\(box)") == [])
    #expect(labels("\(box) cat, sleeping") == ["cat"])
    #expect(labels("\(box) cat <extra_id_7>") == ["cat"])
    #expect(labels("<extra_id_201> <extra_id_202> <extra_id_203> cat \(box) dog") == ["dog"])
    #expect(labels("<extra_id_201> <extra_id_202> nose", count: 2) == ["nose"])
  }

  @Test func ofALongRunTheLastLocationsBelongToTheLabel() {
    let text = "<extra_id_200> <extra_id_300> <extra_id_400> <extra_id_500> <extra_id_600> cat"
    let found = tokenizer.labelledLocations(in: tokenizer.encode(text), count: 4)
    #expect(found.map(\.run.values) == [[100, 200, 300, 400].map { Float($0) / 999 }])
    #expect(found.map(\.run.places) == [1..<5])
  }

  @Test func anyTokensCanBeRead() {
    var random = SeededGenerator(seed: 7)
    let count = Int32(tokenizer.count)
    for _ in 0..<400 {
      let tokens = (0..<Int.random(in: 0...24, using: &random)).map { _ in
        Bool.random(using: &random)
          ? Int32.random(in: tokenizer.locationTokens, using: &random)
          : Int32.random(in: -3...count + 60, using: &random)
      }
      for run in tokenizer.locationRuns(in: tokens) {
        #expect(run.values.count == run.places.count)
        #expect(run.values.allSatisfy { (0...1).contains($0) })
      }
      for count in [2, 4] {
        for (run, _) in tokenizer.labelledLocations(in: tokens, count: count) { #expect(run.values.count == count) }
      }
    }
  }
}
