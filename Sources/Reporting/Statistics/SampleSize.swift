/// How many episodes it takes to tell two policies apart.
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
    return whole((equal + apart) * (equal + apart) / ((second - first) * (second - first)))
  }

  /// Pairs of episodes, both policies on the same seeds, for McNemar's test (Connor, Biometrics 43, 1987).
  ///
  /// - Parameter discordant: the share of episodes that exactly one of the two solves, at least the difference of the rates; for
  ///   independent outcomes `first · (1 - second) + second · (1 - first)`.
  /// - Returns: `nil` for equal rates, a share below their difference, and numbers out of range.
  public static func paired(
    _ first: Double, _ second: Double, discordant: Double, confidence: Double = 0.95, power: Double = 0.8
  ) -> Int? {
    guard let z = deviations(first, second, confidence, power), discordant <= 1 else { return nil }
    let difference = abs(second - first)
    guard discordant >= difference else { return nil }
    let sum = z.level * discordant.squareRoot() + z.power * (discordant - difference * difference).squareRoot()
    return whole(sum * sum / (difference * difference))
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
