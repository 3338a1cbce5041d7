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

  @Test(arguments: [2, 5, 9, 100]) func `twenty equal strata have the interval of many`(trials: Int) throws {
    func method(_ count: Int) throws -> StratifiedMean.IntervalMethod? {
      let strata = try (0..<count).map {
        StratifiedMean.Stratum(try proportion($0 % 2, trials), weight: Double(trials))
      }
      return StratifiedMean(strata)?.intervalMethod
    }
    #expect(try method(20) == .normal && method(19) == .conservative)
  }

  @Test func `strata of one trial have the conservative interval, however many`() throws {
    let strata = try (0..<50).map { StratifiedMean.Stratum(try proportion($0 % 2, 1), weight: 1) }
    #expect(StratifiedMean(strata)?.intervalMethod == .conservative)
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
    // The smallest share there is, although 0.9 - 0.87 is a little more than 0.03.
    #expect(try #require(SampleSize.paired(0.87, 0.9, discordant: 0.03)) > 200)
  }

  /// Rates, episodes, the share that exactly one solves (none: on different episodes), and scipy's exact power.
  @Test(
    arguments: [
      (0.0, 0.7, 6, nil, 0.4202), (0.15, 1, 4, nil, 0.5220), (0.3, 1, 6, nil, 0.4202), (0.15, 0.85, 14, 1.0, 0.6479),
      (0.05, 0.9, 8, 0.95, 0.6590), (0.15, 0.9, 8, 0.77, 0.6662),
    ] as [(Double, Double, Int, Double?, Double)])
  func `the exact tests have less power than the normal approximation says`(
    first: Double, second: Double, count: Int, discordant: Double?, expected: Double
  ) throws {
    let power =
      if let discordant {
        SampleSize.exactPower(first, second, pairs: count, discordant: discordant)
      } else {
        SampleSize.exactPower(first, second, episodes: count)
      }
    #expect(abs(try #require(power) - expected) < 1e-4)
  }

  @Test func `many episodes have the power that was asked for`() throws {
    #expect(try abs(#require(SampleSize.exactPower(0.87, 0.9, episodes: 1774)) - 0.8) < 0.02)
    #expect(try abs(#require(SampleSize.exactPower(0.87, 0.9, pairs: 1768, discordant: 0.204)) - 0.8) < 0.02)
    #expect(SampleSize.exactPower(0.87, 0.9, episodes: 5001) == nil)
  }

  @Test func `no two policies differ on more episodes than they can`() {
    // Of 87 % and 90 % at most 13 % and 10 % are failures.
    #expect(SampleSize.paired(0.87, 0.9, discordant: 1) == nil && SampleSize.paired(0.87, 0.9, discordant: 0.24) == nil)
    #expect(SampleSize.paired(0.87, 0.9, discordant: 0.23) != nil)
    #expect(SampleSize.paired(0.1, 0.2, discordant: 0.31) == nil && SampleSize.paired(0.1, 0.2, discordant: 0.3) != nil)
  }

  @Test func `never so few episodes that an exact test could find nothing`() throws {
    // p is 2 / 2⁶ = 0.031 with six pairs, 2 / 2⁵ = 0.063 with five; 2 / 70 with four episodes a policy, 2 / 20 with three.
    #expect(SampleSize.paired(0, 1, discordant: 1) == 6 && SampleSize.independent(0, 1) == 4)
    #expect(PairedComparison(both: 0, onlyFirst: 0, onlySecond: 6, neither: 0).map { $0.mcNemarP < 0.05 } == true)
    #expect(SampleSize.independent(0, 1e-200) == nil && SampleSize.paired(0, 1e-200, discordant: 1) == nil)
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
