import Foundation

/// A count of successes among trials, such as the successful episodes of one task.
public struct Proportion: Sendable, Hashable {
  /// 0...``trials``.
  public let successes: Int
  /// At least 0.
  public let trials: Int

  /// - Returns: `nil` unless `0 <= successes <= trials`.
  public init?(successes: Int, of trials: Int) {
    guard trials >= 0, (0...trials).contains(successes) else { return nil }
    self.successes = successes
    self.trials = trials
  }

  /// The share of successes; `nil` when nothing was tried.
  public var rate: Double? { trials > 0 ? Double(successes) / Double(trials) : nil }

  /// The exact interval of Clopper and Pearson (Biometrika 26, 1934). Its coverage is never below `confidence`, which Wilson's is
  /// near 0 and 100 %.
  ///
  /// - Returns: 0...1 when nothing was tried.
  public func clopperPearsonInterval(confidence: Double = 0.95) -> ClosedRange<Double> {
    guard trials > 0 else { return 0...1 }
    let tail = (1 - confidence) / 2
    let (k, n) = (Double(successes), Double(trials))
    let lower = successes == 0 ? 0 : BetaDistribution.quantile(tail, a: k, b: n - k + 1)
    let upper = successes == trials ? 1 : BetaDistribution.quantile(1 - tail, a: k + 1, b: n - k)
    return lower...max(lower, upper)
  }

  /// Wilson's score interval (Journal of the American Statistical Association 22, 1927).
  ///
  /// - Returns: 0...1 when nothing was tried.
  public func wilsonInterval(confidence: Double = 0.95) -> ClosedRange<Double> {
    guard let rate else { return 0...1 }
    let z = NormalDistribution.deviations(for: confidence)
    let n = Double(trials)
    let scale = 1 + z * z / n
    let centre = (rate + z * z / (2 * n)) / scale
    let half = z / scale * (rate * (1 - rate) / n + z * z / (4 * n * n)).squareRoot()
    // Rounding leaves 0.9999… where the formula gives exactly 1, and 1e-17 where it gives 0.
    let lower = successes == 0 ? 0 : min(max(centre - half, 0), 1)
    let upper = successes == trials ? 1 : min(max(centre + half, lower), 1)
    return lower...upper
  }
}

/// The probability of exactly `k` successes in `n` trials that succeed with `probability`.
func binomialProbability(_ k: Int, of n: Int, probability: Double) -> Double {
  guard probability > 0 else { return k == 0 ? 1 : 0 }
  guard probability < 1 else { return k == n ? 1 : 0 }
  let (k, n) = (Double(k), Double(n))
  let ways = logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1)
  return exp(ways + k * log(probability) + (n - k) * log1p(-probability))
}
