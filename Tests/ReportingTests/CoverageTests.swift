import Foundation
import Reporting
import TestSupport
import Testing

@Suite("An interval covers the truth as often as it says")
struct CoverageTests {
  /// The probability of each count of successes among `trials`.
  private func probabilities(of trials: Int, at rate: Double) -> [Double] {
    (0...trials).map { count in
      let ways = lgamma(Double(trials + 1)) - lgamma(Double(count + 1)) - lgamma(Double(trials - count + 1))
      return exp(ways) * pow(rate, Double(count)) * pow(1 - rate, Double(trials - count))
    }
  }

  @Test(arguments: [1, 5, 20, 50]) func `for one proportion`(trials: Int) throws {
    for rate in stride(from: 0.005, to: 1, by: 0.0049) {
      let chances = probabilities(of: trials, at: rate)
      let covered = try (0...trials).filter { count in
        try #require(Proportion(successes: count, of: trials)).clopperPearsonInterval().contains(rate)
      }
      #expect(covered.reduce(0) { $0 + chances[$1] } >= 0.95 - 1e-9)
    }
  }

  /// Strata with their trials and weights.
  struct Design: Sendable, CustomTestStringConvertible {
    var trials: [Int]
    var weights: [Double]
    var testDescription: String { "\(trials) weighing \(weights)" }
  }

  private static let rates = [
    0.3, 0.5, 0.6, 0.7, 0.8, 0.86, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 1,
  ]

  /// Every outcome of every design, at every combination of the rates.
  @Test(arguments: [
    Design(trials: [20], weights: [1]), Design(trials: [5], weights: [3]),
    Design(trials: [20, 20], weights: [1, 1]), Design(trials: [5, 5], weights: [1, 1]),
    Design(trials: [20, 20], weights: [9, 1]), Design(trials: [20, 5], weights: [1, 1]),
    Design(trials: [10, 50], weights: [1, 3]), Design(trials: [50, 10], weights: [1, 1]),
    Design(trials: [6, 6, 6], weights: [1, 1, 1]), Design(trials: [6, 6, 6], weights: [6, 1, 1]),
    Design(trials: [6, 4, 8], weights: [4, 4, 1]),
  ]) func `for the mean over one, two and three strata, exactly`(design: Design) throws {
    let counts = design.trials.reduce([[]]) { rows, trials in rows.flatMap { row in (0...trials).map { row + [$0] } } }
    let intervals = try counts.map { row in
      let strata = try zip(zip(row, design.trials), design.weights).map { pair, weight in
        StratifiedMean.Stratum(try #require(Proportion(successes: pair.0, of: pair.1)), weight: weight)
      }
      let mean = try #require(StratifiedMean(strata))
      #expect(mean.intervalMethod == (strata.count == 1 ? .exact : .conservative))
      #expect(mean.interval().contains(mean.rate))
      return mean.interval()
    }
    let chances = design.trials.map { trials in Self.rates.map { probabilities(of: trials, at: $0) } }
    let places = design.trials.reduce([[]]) { rows, _ in rows.flatMap { row in Self.rates.indices.map { row + [$0] } } }
    var worst = 1.0
    for place in places {
      let truth =
        zip(place, design.weights).reduce(0) { $0 + Self.rates[$1.0] * $1.1 } / design.weights.reduce(0, +)
      var covered = 0.0
      for (row, interval) in zip(counts, intervals)
      where interval.lowerBound - 1e-12 <= truth && truth <= interval.upperBound + 1e-12 {
        var chance = 1.0
        for (stratum, count) in row.enumerated() { chance *= chances[stratum][place[stratum]][count] }
        covered += chance
      }
      worst = min(worst, covered)
    }
    #expect(worst >= 0.95, "\(worst)")
  }

  /// One episode of each task: the mean is a count, whose every value is enumerated.
  @Test(arguments: [20, 30, 50]) func `for the mean over many tasks of one episode, exactly`(tasks: Int) throws {
    let rates = stride(from: 0.02, through: 0.98, by: 0.02).map { Array(repeating: $0, count: tasks) }
    let mixed = [(0.5, 1.0), (0.1, 0.9), (0.3, 0.95), (0, 0.5)].map { low, high in
      (0..<tasks).map { $0 % 2 == 0 ? low : high }
    }
    for rates in rates + mixed {
      var chances = [1.0]
      for rate in rates {
        var next = Array(repeating: 0.0, count: chances.count + 1)
        for (count, chance) in chances.enumerated() {
          next[count] += chance * (1 - rate)
          next[count + 1] += chance * rate
        }
        chances = next
      }
      let truth = rates.reduce(0, +) / Double(tasks)
      var covered = 0.0
      for (count, chance) in chances.enumerated() {
        let mean = try #require(
          StratifiedMean(
            overTasks: (0..<tasks).compactMap { Proportion(successes: $0 < count ? 1 : 0, of: 1) }))
        #expect(mean.intervalMethod == .conservative)
        let interval = mean.interval()
        if interval.lowerBound - 1e-12 <= truth, truth <= interval.upperBound + 1e-12 { covered += chance }
      }
      #expect(covered >= 0.95, "\(rates.prefix(2)): \(covered)")
    }
    let two = (0..<tasks).compactMap { _ in Proportion(successes: 1, of: 2) }
    #expect(StratifiedMean(overTasks: two)?.intervalMethod == .normal)
    let odd = Array(two.dropLast()) + [try #require(Proportion(successes: 1, of: 1))]
    #expect(StratifiedMean(overTasks: odd)?.intervalMethod == .conservative)
  }

  /// How often the interval holds the truth in 4,000 simulated evaluations.
  private func simulatedCoverage(
    _ rates: [Double], episodes: Int, seed: UInt64, truth: Double, _ mean: ([Proportion]) -> StratifiedMean?
  ) throws -> Double {
    var random = SeededGenerator(seed: seed)
    var covered = 0
    for _ in 0..<4000 {
      let proportions = rates.compactMap { rate in
        Proportion(
          successes: (0..<episodes).count { _ in Double.random(in: 0..<1, using: &random) < rate }, of: episodes)
      }
      if try #require(mean(proportions)).interval().contains(truth) { covered += 1 }
    }
    return Double(covered) / 4000
  }

  /// 0.95 less three standard deviations of the simulated share; above it an interval may be cautious.
  private static let least = 0.95 - 3 * 0.00345

  /// Rates of a task in the tiers easy, medium, hard and very hard of MT50.
  @Test(
    arguments: [
      [1, 0.9, 0.5, 0.2], [0.99, 0.95, 0.9, 0.8], [0.9, 0.9, 0.9, 0.9], [1, 1, 1, 0.97], [1, 1, 1, 0.9],
      [0.98, 1, 0.5, 0.5],
    ], [5, 10, 20]) func `for the mean over the tiers 28, 11, 6 and 5`(rates: [Double], episodes: Int) throws
  {
    let sizes = [28, 11, 6, 5]
    let tasks = zip(sizes, rates).flatMap { size, rate in Array(repeating: rate, count: size) }
    let coverage = try simulatedCoverage(
      tasks, episodes: episodes, seed: UInt64(episodes), truth: rates.reduce(0, +) / 4
    ) { proportions in
      var rest = proportions[...]
      let mean = StratifiedMean(
        overTiers: sizes.map { size in
          defer { rest = rest.dropFirst(size) }
          return Array(rest.prefix(size))
        })
      #expect(mean?.intervalMethod == .normal)
      return mean
    }
    #expect(coverage >= Self.least, "\(coverage)")
  }

  /// MT5's groups are four easy tasks and a hard one: half of the mean hangs on 20 episodes.
  @Test(arguments: [[0.99, 0.9], [1, 0.92], [0.95, 1], [0.9, 0.5], [1, 0.95]]) func `for tiers of four tasks and one`(
    rates: [Double]
  ) throws {
    let tasks = Array(repeating: rates[0], count: 4) + [rates[1]]
    let coverage = try simulatedCoverage(tasks, episodes: 20, seed: 5, truth: (rates[0] + rates[1]) / 2) {
      StratifiedMean(overTiers: [Array($0.prefix(4)), Array($0.suffix(1))])
    }
    #expect(coverage >= Self.least, "\(coverage)")
  }

  @Test(arguments: [
    (4, 5, 0.4), (10, 20, 0.4), (50, 20, 0.4), (50, 5, 0.4), (50, 20, 0.9), (20, 50, 0.96), (20, 5, 0.9),
  ])
  func `for the mean over tasks`(tasks: Int, episodes: Int, lowest: Double) throws {
    let rates = (0..<tasks).map { lowest + (1 - lowest) * (Double($0) + 0.5) / Double(tasks) }
    let coverage = try simulatedCoverage(
      rates, episodes: episodes, seed: UInt64(tasks), truth: rates.reduce(0, +) / Double(tasks),
      StratifiedMean.init(overTasks:))
    #expect(coverage >= Self.least, "\(coverage)")
  }
}
