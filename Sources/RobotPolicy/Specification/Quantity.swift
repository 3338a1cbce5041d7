extension PolicySpecification {
  /// Something that the robot measures of itself, with its unit and range.
  public struct Quantity: Encodable, Sendable, Hashable {
    /// Unique among its kind.
    public let name: String
    /// e.g. `m`, `rad`, or `1` for a ratio.
    public let unit: String
    /// The value of location bin 0, in ``unit``.
    public let minimum: Double
    /// The value of location bin 999, in ``unit``; above ``minimum``.
    public let maximum: Double
    /// How far outside its range a measured value may lie, in ``unit``; farther, and the observation is refused.
    public let tolerance: Double

    package enum CodingKeys: String, CodingKey, CaseIterable { case name, unit, minimum, maximum, tolerance }

    /// Without a tolerance of its own a quantity has this part of its range: what sensors and calibration are off by, and far less
    /// than a wrong unit.
    public static let defaultTolerance = 0.05
  }
}

// MARK: Decoding

extension PolicySpecification.Quantity {
  init(_ field: JSONField) throws(PolicyError) {
    let object = try field.object(CodingKeys.self)
    name = try object.required(.name).string()
    unit = try object.required(.unit).string(maximumLength: 32)
    minimum = try object.required(.minimum).number()
    maximum = try object.required(.maximum).number()
    try field.checkRange(minimum, maximum, at: CodingKeys.maximum.rawValue)
    tolerance =
      try object.optional(.tolerance)?.number(in: 0...JSONField.largestNumber)
      ?? Self.defaultTolerance * (maximum - minimum)
  }
}

extension JSONField {
  /// Names the `maximum` when it does not lie above the `minimum`.
  func checkRange(_ minimum: Double, _ maximum: Double, at key: String) throws(PolicyError) {
    guard minimum < maximum else {
      let value = JSONField(node[key] ?? node, path: join(key))
      throw value.fault("expected a number > minimum (\(minimum.plainDescription)), found \(maximum.plainDescription)")
    }
  }
}
