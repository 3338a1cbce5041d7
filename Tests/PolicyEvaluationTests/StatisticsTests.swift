import PolicyEvaluation
import Testing

/// Against numbers worked out by hand.
@Suite struct StatisticsTests {
  @Test(arguments: [
    ([5.0], 50.0, 5.0),
    ([4, 1, 3, 2], 50, 2),
    ([5, 1, 4, 2, 3], 50, 3),
    ([15, 20, 35, 40, 50], 30, 20),
    ([15, 20, 35, 40, 50], 100, 50),
    ([15, 20, 35, 40, 50], 0, 15),
    ([2, 1], .nan, 1),
  ])
  func percentileIsTheNearestRank(values: [Double], percent: Double, expected: Double) {
    #expect(Statistics.percentile(percent, of: values) == expected)
  }

  @Test func p99IsTheOneThatNinetyNineOfAHundredDoNotExceed() {
    #expect(Statistics.percentile(99, of: (1...100).map(Double.init)) == 99)
    #expect(Statistics.percentile(99, of: (1...200).map(Double.init)) == 198)
    #expect(Statistics.percentile(99, of: (1...50).map(Double.init)) == 50)
  }

  @Test func noValuesHaveNoMedian() {
    #expect(Statistics.median(of: []) == nil)
  }

  /// (p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n) with z = 1.959964.
  @Test(arguments: [
    (18, 20, 0.6990, 0.9721),
    (10, 20, 0.2993, 0.7007),
    (20, 20, 0.8389, 1.0),
    (0, 20, 0.0, 0.1611),
    (91, 100, 0.8377, 0.9519),
    (0, 0, 0.0, 1.0),
  ])
  func wilsonInterval(successes: Int, trials: Int, low: Double, high: Double) {
    let interval = Statistics.wilsonInterval(successes: successes, of: trials)
    #expect(abs(interval.lowerBound - low) < 5e-5)
    #expect(abs(interval.upperBound - high) < 5e-5)
  }

  @Test func theIntervalHoldsTheRateAndStaysInRange() {
    for trials in 1...40 {
      for successes in 0...trials {
        let interval = Statistics.wilsonInterval(successes: successes, of: trials)
        #expect((0...1).contains(interval.lowerBound) && (0...1).contains(interval.upperBound))
        #expect(interval.contains(Double(successes) / Double(trials)))
      }
    }
  }
}
