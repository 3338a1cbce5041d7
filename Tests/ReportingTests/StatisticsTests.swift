import Foundation
import Reporting
import TestSupport
import Testing

/// Values of scipy and robostats; `Fixtures/make_reference.py` writes them.
private struct Reference: Decodable {
  struct Rate: Decodable {
    var successes: Int
    var trials: Int
    var clopper_pearson: [Double]
    var wilson: [Double]
  }

  struct Pair: Decodable {
    var counts: [Int]
    var mcnemar: Double
    var tango: [Double]
  }

  var proportions: [Rate]
  var pairs: [Pair]
  var normal: [[Double]]

  static func load() throws -> Reference {
    let url = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/reference.json")
    return try JSONDecoder().decode(Reference.self, from: Data(contentsOf: url))
  }
}

private func isClose(_ a: Double, _ b: Double, within tolerance: Double = 1e-9) -> Bool {
  abs(a - b) <= tolerance * max(1, abs(b))
}

private func areClose(_ interval: ClosedRange<Double>, _ ends: [Double]) -> Bool {
  isClose(interval.lowerBound, ends[0]) && isClose(interval.upperBound, ends[1])
}

@Suite("Statistics agree with scipy and robostats")
struct ReferenceTests {
  @Test func `intervals of a proportion`() throws {
    let reference = try Reference.load()
    #expect(reference.proportions.count > 8)
    for row in reference.proportions {
      let proportion = try #require(Proportion(successes: row.successes, of: row.trials))
      #expect(areClose(proportion.clopperPearsonInterval(), row.clopper_pearson), "\(row.successes)/\(row.trials)")
      #expect(areClose(proportion.wilsonInterval(), row.wilson), "\(row.successes)/\(row.trials)")
    }
  }

  @Test func `McNemar's test and Tango's interval`() throws {
    for row in try Reference.load().pairs {
      let pair = try #require(
        PairedComparison(
          both: row.counts[0], onlyFirst: row.counts[1], onlySecond: row.counts[2], neither: row.counts[3]))
      #expect(isClose(pair.mcNemarP, row.mcnemar), "\(row.counts)")
      #expect(areClose(pair.tangoInterval(), row.tango), "\(row.counts): \(pair.tangoInterval())")
    }
  }

  @Test func `quantiles of the normal distribution`() throws {
    for row in try Reference.load().normal {
      #expect(isClose(NormalDistribution.quantile(row[0]), row[1], within: 1e-12))
      #expect(isClose(NormalDistribution.cumulative(row[1]), row[0], within: 1e-12))
    }
  }
}

@Suite("An interval covers the truth as often as it says")
struct CoverageTests {
  /// The exact probability that the interval of a binomial count holds the true rate.
  private func coverage(
    of trials: Int, at rate: Double, _ interval: (Proportion) -> ClosedRange<Double>
  ) throws -> Double {
    var total = 0.0
    var ways = pow(1 - rate, Double(trials))
    for successes in 0...trials {
      if interval(try #require(Proportion(successes: successes, of: trials))).contains(rate) { total += ways }
      ways *= Double(trials - successes) / Double(successes + 1) * rate / (1 - rate)
    }
    return total
  }

  @Test(arguments: [5, 20, 50]) func `Clopper and Pearson never fall short, Wilson does near 100 %`(trials: Int) throws
  {
    var shortest = 1.0
    for rate in stride(from: 0.005, to: 1, by: 0.0049) {
      #expect(try coverage(of: trials, at: rate) { $0.clopperPearsonInterval() } >= 0.95 - 1e-9)
      shortest = min(shortest, try coverage(of: trials, at: rate) { $0.wilsonInterval() })
    }
    #expect(shortest < 0.92)
  }

  /// 2,000 simulated evaluations each.
  @Test(arguments: [(4, 5, 0.4), (10, 20, 0.4), (50, 20, 0.4), (50, 5, 0.4), (50, 20, 0.9), (10, 50, 0.96)])
  func `the mean over tasks`(tasks: Int, episodes: Int, lowest: Double) throws {
    var random = SeededGenerator(seed: UInt64(tasks))
    let rates = (0..<tasks).map { lowest + (1 - lowest) * (Double($0) + 0.5) / Double(tasks) }
    let truth = rates.reduce(0, +) / Double(tasks)
    var covered = 0
    for _ in 0..<2000 {
      let proportions = rates.compactMap { rate in
        let successes = (0..<episodes).count { _ in Double.random(in: 0..<1, using: &random) < rate }
        return Proportion(successes: successes, of: episodes)
      }
      let mean = try #require(StratifiedMean(overTasks: proportions))
      if mean.interval().contains(truth) { covered += 1 }
    }
    // 0.95 less three standard deviations of the count; above it the interval may be cautious.
    #expect(covered >= 1870)
  }
}

@Suite("Means and comparisons say what their counts say")
struct CountingTests {
  private func proportion(_ successes: Int, _ trials: Int) throws -> Proportion {
    try #require(Proportion(successes: successes, of: trials))
  }

  @Test func `the mean over tiers weighs tiers, not tasks`() throws {
    let easy = try (0..<28).map { _ in try proportion(20, 20) }
    let hard = try (0..<5).map { _ in try proportion(0, 20) }
    let tiers = try #require(StratifiedMean(overTiers: [easy, hard]))
    #expect(abs(tiers.rate - 0.5) < 1e-12)
    let tasks = try #require(StratifiedMean(overTasks: easy + hard))
    #expect(abs(tasks.rate - 28.0 / 33) < 1e-12)
    #expect(tiers.interval().contains(0.5) && tiers.interval().lowerBound < tiers.interval().upperBound)
  }

  @Test func `a mean of nothing is no number`() throws {
    #expect(StratifiedMean(overTasks: []) == nil)
    #expect(StratifiedMean(overTiers: [[]]) == nil)
    #expect(StratifiedMean(overTasks: [try proportion(0, 0)]) == nil)
    #expect(StratifiedMean([.init(try proportion(1, 2), weight: .nan)]) == nil)
    #expect(Proportion(successes: 3, of: 2) == nil)
    #expect(try proportion(0, 0).rate == nil)
  }

  @Test func `swapping the policies mirrors the comparison`() throws {
    let there = try #require(PairedComparison(both: 50, onlyFirst: 9, onlySecond: 2, neither: 4))
    let back = try #require(PairedComparison(both: 50, onlyFirst: 2, onlySecond: 9, neither: 4))
    #expect(there.mcNemarP == back.mcNemarP)
    #expect(isClose(there.tangoInterval().lowerBound, -back.tangoInterval().upperBound))
    #expect(there.difference.map { -$0 } == back.difference)
    let outcomes = Array(repeating: (true, false), count: 9) + [(false, true), (false, true)]
    #expect(PairedComparison(outcomes).mcNemarP == there.mcNemarP)
  }

  @Test func `0.87 against 0.90 takes about 1,770 episodes each`() throws {
    let episodes = try #require(SampleSize.independent(0.87, 0.90))
    #expect((1760...1790).contains(episodes))
    let discordant = 0.87 * 0.1 + 0.9 * 0.13
    let pairs = try #require(SampleSize.paired(0.87, 0.90, discordant: discordant))
    #expect((1760...1790).contains(pairs))
    // Policies that fail on the same episodes are told apart with far fewer.
    #expect(try #require(SampleSize.paired(0.87, 0.90, discordant: 0.05)) < 500)
    #expect(SampleSize.independent(0.9, 0.9) == nil)
    #expect(SampleSize.paired(0.8, 0.9, discordant: 0.05) == nil)
  }

  @Test func `the area under the curve counts pairs, ties one half`() throws {
    let scored = [(score: 0.9, success: true), (0.4, true), (0.4, false), (0.1, false)]
    #expect(Separation.areaUnderCurve(scored) == 3.5 / 4)
    #expect(Separation.areaUnderCurve([(0.5, true)]) == nil)
    #expect(Separation.areaUnderCurve([(.nan, true), (0.5, false)]) == nil)
    let bins = Separation.calibration(scored, bins: 2)
    #expect(bins.map(\.outcomes.trials) == [3, 1])
    #expect(bins.map(\.outcomes.successes) == [1, 1])
  }
}
