/// Numbers between 0 and 1 as one token each: 1000 bins, `<extra_id_200>` for 0 to `<extra_id_1199>` for 1.
///
/// The ids run backwards: the last bin has the first id.
extension Tokenizer {
  /// Ids of all location tokens.
  public var locationTokens: Range<Int32> {
    Int32(baseCount)..<Int32(baseCount + Vocabulary.locationCount)
  }

  /// The token of a bin; bins outside 0...999 count as the nearest one.
  public func locationToken(bin: Int) -> Int32 {
    Int32(baseCount + Vocabulary.locationCount - 1 - LocationText.clamped(bin))
  }

  /// The bin, 0...999, or `nil` when `token` is not a location.
  public func locationBin(of token: Int32) -> Int? {
    guard locationTokens.contains(token) else { return nil }
    return baseCount + Vocabulary.locationCount - 1 - Int(token)
  }

  /// The token of a value in 0...1, cut down to its bin as the reference does; see ``LocationText/bin(of:)``.
  public func locationToken(value: Float) -> Int32 {
    locationToken(bin: LocationText.bin(of: value))
  }

  /// The value, 0...1, that `token` stands for, or `nil` when it is not a location.
  public func locationValue(of token: Int32) -> Float? {
    locationBin(of: token).map(LocationText.value(ofBin:))
  }
}

/// Numbers between 0 and 1 as text, the way that prompts and answers hold them.
public enum LocationText {
  /// Number of bins; bins run 0...999.
  public static let binCount = Vocabulary.locationCount

  /// The bin of a value in 0...1: `value · 999` in single precision, cut, not rounded. Values outside, and NaN, count as the
  /// nearest end (NaN as 0).
  public static func bin(of value: Float) -> Int {
    let scaled = value * Float(binCount - 1)
    guard scaled > 0 else { return 0 }
    return Int(min(scaled, Float(binCount - 1)))
  }

  /// The value at the lower end of a bin, `bin / 999`; bins outside 0...999 count as the nearest one.
  public static func value(ofBin bin: Int) -> Float {
    Float(clamped(bin)) / Float(binCount - 1)
  }

  /// `<extra_id_200>` for bin 0; bins outside 0...999 count as the nearest one.
  public static func text(bin: Int) -> String {
    "<extra_id_\(Vocabulary.firstLocation + clamped(bin))>"
  }

  /// The texts of `values`, each in 0...1, with single spaces between.
  public static func text(values: some Sequence<Float>) -> String {
    values.map { text(bin: bin(of: $0)) }.joined(separator: " ")
  }

  static func clamped(_ bin: Int) -> Int { min(max(bin, 0), binCount - 1) }
}
