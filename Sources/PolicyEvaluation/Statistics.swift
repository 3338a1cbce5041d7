/// The few statistics that a rollout's report needs.
public enum Statistics {
  /// The smallest value that at least `percent` per cent of all values do not exceed (nearest rank: always a measured value, never
  /// one in between).
  ///
  /// - Returns: `nil` when there is no value.
  /// - Complexity: O(n · log n).
  public static func percentile(_ percent: Double, of values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let rank = (percent / 100 * Double(sorted.count)).rounded(.up)
    // `max` also catches a NaN rank: the index stays inside whatever the caller asked for.
    return sorted[min(max(1, rank), Double(sorted.count)).asIndex - 1]
  }

  /// The 50th percentile by nearest rank.
  public static func median(of values: [Double]) -> Double? { percentile(50, of: values) }

  /// Wilson's score interval at 95 % for a success rate; stays sensible at 0 and 100 %, where the textbook interval has no width.
  ///
  /// - Returns: 0...1 when nothing was tried.
  public static func wilsonInterval(successes: Int, of trials: Int) -> ClosedRange<Double> {
    guard trials > 0 else { return 0...1 }
    let z = 1.959_963_984_540_054
    let n = Double(trials)
    let rate = Double(min(max(successes, 0), trials)) / n
    let scale = 1 + z * z / n
    let centre = (rate + z * z / (2 * n)) / scale
    let half = z / scale * (rate * (1 - rate) / n + z * z / (4 * n * n)).squareRoot()
    let low = min(max(centre - half, 0), 1)
    // Rounding leaves 0.9999… where the formula gives exactly 1 (and 1e-17 for 0).
    let lower = successes <= 0 ? 0 : low
    let upper = successes >= trials ? 1 : min(max(centre + half, low), 1)
    return lower...upper
  }
}

extension Double {
  /// A value known to lie between 1 and an array's count.
  fileprivate var asIndex: Int { Int(self) }
}
