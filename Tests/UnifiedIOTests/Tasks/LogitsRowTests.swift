import Foundation
import Testing
import UnifiedIO

/// Rows of logits and the rule that keeps lists of boxes going.
@Suite struct LogitsRowTests {
  /// Ids 2, 3 and 10, 11, 12 with the probabilities 0.1, 0.2 and 0.4, 0.2, 0.1.
  private let row = LogitsRow(
    ranges: [2..<4, 10..<13], values: [0.1, 0.2, 0.4, 0.2, 0.1].map { logf($0) + 3 })

  @Test func probabilitiesAreSharesOfWhatMayBePicked() {
    #expect(abs(row.probability(of: 10..<13) - 0.7) < 1e-6)
    #expect(abs(row.probability(of: 3..<11) - 0.6) < 1e-6)
    #expect(row.probability(of: 4..<10) == 0)
    #expect(row[10] == row.values[2])
    #expect(row[4] == nil)
  }

  @Test func keepingARangeCutsRangesAndValuesAlike() {
    var narrow = row
    narrow.keep(only: 3..<12)
    #expect(narrow.ranges == [3..<4, 10..<12])
    #expect(narrow.values == [row.values[1], row.values[2], row.values[3]])
    narrow.remove(10)
    #expect(narrow.ranges == [3..<4, 11..<12])
    narrow.add(5, to: 11)
    #expect(narrow[11] == row.values[3] + 5)
  }

  @Test func nothingTakesTheLastTokenAway() {
    var narrow = row
    narrow.keep(only: 5..<9)
    #expect(narrow.ranges == row.ranges)
    narrow.keep(only: 11..<12)
    narrow.remove(11)
    #expect(narrow.ranges == [11..<12])
  }

  @Test(arguments: [(0.69, true), (0.71, false)])
  func locationsAloneStayAboveTheThreshold(threshold: Double, narrows: Bool) {
    var narrow = row
    LocationPreference(locations: 10..<13, threshold: threshold).process(&narrow, after: [5])
    #expect(narrow.ranges == (narrows ? [10..<13] : row.ranges))
  }

  @Test func aRequiredBoxForbidsEndingAtOnceAndOnlyThen() {
    let ended = LogitsRow(ranges: [0..<3], values: [1, 2, 3])
    let rule = LocationPreference(locations: 100..<200, requiresOneBox: true)
    var first = ended, second = ended
    rule.process(&first, after: [])
    rule.process(&second, after: [7])
    #expect(first.ranges == [0..<1, 2..<3])
    #expect(second.ranges == [0..<3])
  }
}
