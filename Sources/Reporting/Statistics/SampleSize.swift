import Foundation

/// How many episodes it takes to tell two policies apart, by normal approximations: the exact tests are less powerful, much
/// less where the numbers are small (``exactPower(_:_:episodes:confidence:)``). Never so few that an exact test could find nothing, whatever comes out.
public enum SampleSize {
  /// Episodes for each policy, evaluated on different episodes, so that a two-sided test at level `1 - confidence` finds the difference
  /// with probability `power` (normal approximation, pooled variance under equality).
  ///
  /// - Parameters:
  ///   - first: success rate of one policy, 0...1.
  ///   - second: success rate of the other, 0...1.
  /// - Returns: `nil` for equal rates and for numbers that are no rates, confidences or powers.
  public static func independent(
    _ first: Double, _ second: Double, confidence: Double = 0.95, power: Double = 0.8
  ) -> Int? {
    guard let z = deviations(first, second, confidence, power) else { return nil }
    let mean = (first + second) / 2
    let equal = z.level * (2 * mean * (1 - mean)).squareRoot()
    let apart = z.power * (first * (1 - first) + second * (1 - second)).squareRoot()
    guard let count = whole((equal + apart) * (equal + apart) / ((second - first) * (second - first))) else {
      return nil
    }
    // Fisher's exact test where one policy solves all and the other none: p is twice one over the ways to split the episodes.
    var (fewest, ways) = (1, 2.0)
    while 2 / ways > 1 - confidence {
      fewest += 1
      ways *= Double(2 * (2 * fewest - 1)) / Double(fewest)
    }
    return max(count, fewest)
  }

  /// Pairs of episodes, both policies on the same seeds, for McNemar's test (Connor, Biometrics 43, 1987).
  ///
  /// - Parameter discordant: the share of episodes that exactly one of the two solves, at least the difference of the rates and at most
  ///   ``largestDiscordance(_:_:)``; for independent outcomes `first · (1 - second) + second · (1 - first)`.
  /// - Returns: `nil` for equal rates, a share that they leave no room for, and numbers out of range.
  public static func paired(
    _ first: Double, _ second: Double, discordant: Double, confidence: Double = 0.95, power: Double = 0.8
  ) -> Int? {
    guard let z = deviations(first, second, confidence, power),
      discordant <= largestDiscordance(first, second) + 1e-9
    else { return nil }
    let difference = abs(second - first)
    // 0.9 less 0.87 is a little more than 0.03.
    guard discordant >= difference - 1e-9 else { return nil }
    let share = max(discordant, difference)
    let sum = z.level * share.squareRoot() + z.power * max(0, share - difference * difference).squareRoot()
    // McNemar's exact test with `k` episodes that only one policy solves, always the same one: p is 2 / 2ᵏ.
    let fewest = (1 - log2(1 - confidence) - 1e-9).rounded(.up)
    guard let count = whole(sum * sum / (difference * difference)), let least = whole(fewest / share - 1e-9) else {
      return nil
    }
    return max(count, least)
  }

  /// The largest share of episodes that exactly one of two policies with these success rates can solve: all that one of them solves at
  /// all, or all in which one fails.
  public static func largestDiscordance(_ first: Double, _ second: Double) -> Double {
    min(first + second, 2 - first - second)
  }

  private static func deviations(
    _ first: Double, _ second: Double, _ confidence: Double, _ power: Double
  ) -> (level: Double, power: Double)? {
    guard (0...1).contains(first), (0...1).contains(second), first != second, confidence > 0, confidence < 1, power > 0,
      power < 1
    else { return nil }
    return (NormalDistribution.deviations(for: confidence), NormalDistribution.quantile(power))
  }

  private static func whole(_ count: Double) -> Int? { Int(exactly: max(1, count.rounded(.up))) }
}
