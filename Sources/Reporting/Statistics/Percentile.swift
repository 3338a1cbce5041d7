/// Percentiles by nearest rank: always a measured value, never one in between.
public enum Percentile {
  /// The smallest value that at least `percent` per cent of all values do not exceed.
  ///
  /// - Returns: `nil` when there is no value.
  /// - Complexity: O(n · log n).
  public static func percentile(_ percent: Double, of values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let rank = (percent / 100 * Double(sorted.count)).rounded(.up)
    // `max` also catches a rank that is not a number.
    return sorted[Int(min(max(1, rank), Double(sorted.count))) - 1]
  }

  /// The 50th percentile.
  public static func median(of values: [Double]) -> Double? { percentile(50, of: values) }
}
