import Foundation

/// Rates and their intervals as people read them.
public enum RateText {
  /// A share as a percentage with one decimal place.
  public static func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }

  /// An interval of shares.
  public static func interval(_ range: ClosedRange<Double>) -> String {
    "\(percent(range.lowerBound)) – \(percent(range.upperBound))"
  }

  /// A measured number with so many decimal places; a dash for none.
  public static func number(_ value: Double?, digits: Int) -> String {
    guard let value, value.isFinite else { return "–" }
    return String(format: "%.\(max(0, min(digits, 9)))f", value)
  }
}
