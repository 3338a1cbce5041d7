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
    return BetaDistribution.clopperPearson(
      successes: Double(successes), trials: Double(trials), confidence: confidence)
  }
}

extension BetaDistribution {
  /// Clopper and Pearson's interval, continued between whole numbers.
  ///
  /// - Parameters:
  ///   - successes: 0...`trials`.
  ///   - trials: above 0.
  static func clopperPearson(successes k: Double, trials n: Double, confidence: Double) -> ClosedRange<Double> {
    let tail = (1 - confidence) / 2
    let lower = k <= 0 ? 0 : quantile(tail, a: k, b: max(0, n - k) + 1)
    let upper = k >= n ? 1 : quantile(1 - tail, a: k + 1, b: n - k)
    return lower...max(lower, upper)
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
