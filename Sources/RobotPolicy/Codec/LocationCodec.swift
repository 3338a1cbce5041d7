/// Turns a number into one of the 1000 location bins and back; the two mirror each other.
///
/// All in float64, exactly as in training: `bin = floor(u · 999 + 0.5)` with `u = (value - minimum) / (maximum - minimum)`
/// clipped to 0...1, and `value = minimum + bin / 999 · (maximum - minimum)`.
public struct LocationCodec: Sendable, Hashable {
  /// Bins of the vocabulary.
  public static let binCount = 1_000
  private static let lastBin = 999

  /// The value of bin 0 and that of bin 999.
  public let range: ClosedRange<Double>

  /// - Parameter range: finite, of a finite length above 0.
  public init(range: ClosedRange<Double>) {
    self.range = range
  }

  /// The bin whose value lies nearest to `value`; values outside the range are clipped to it.
  ///
  /// - Returns: 0...999, or `nil` when `value` is not finite.
  public func bin(of value: Double) -> Int? {
    guard value.isFinite else { return nil }
    let unit = (value - range.lowerBound) / (range.upperBound - range.lowerBound)
    let clipped = min(max(unit, 0), 1)
    // A range without length gives NaN, and no bin.
    guard clipped.isFinite else { return nil }
    return Int((clipped * Double(Self.lastBin) + 0.5).rounded(.down))
  }

  /// The value that a bin stands for, inside the range.
  ///
  /// - Parameter bin: 0...999; others are clipped.
  public func value(of bin: Int) -> Double {
    let unit = Double(min(max(bin, 0), Self.lastBin)) / Double(Self.lastBin)
    let value = range.lowerBound + unit * (range.upperBound - range.lowerBound)
    // Rounding may leave the range by one unit in the last place.
    return min(max(value, range.lowerBound), range.upperBound)
  }

  /// The text of a bin's token, `<extra_id_200>` for bin 0 to `<extra_id_1199>` for bin 999.
  public static func text(of bin: Int) -> String { "<extra_id_\(200 + bin)>" }

  /// The bin whose token has this text; `nil` for anything else, leading zeros included.
  public static func bin(of text: some StringProtocol) -> Int? {
    guard text.hasPrefix("<extra_id_"), text.hasSuffix(">"),
      let number = Int(text.dropFirst("<extra_id_".count).dropLast()), text == "<extra_id_\(number)>"
    else { return nil }
    let bin = number - 200
    return (0...lastBin).contains(bin) ? bin : nil
  }
}
