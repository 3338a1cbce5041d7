/// One compared tensor.
public struct ParityRow: Sendable, Hashable, Codable {
  /// The golden part, e.g. `internals_b1`.
  public var part: String
  public var tensor: String
  /// `‖a − b‖ / ‖b‖` for numbers; the share of differing entries for ids.
  public var relativeError: Double
  public var tolerance: Double
  public var passed: Bool
  /// What was left out of the comparison, if anything.
  public var note: String
  /// Whether there was nothing to compare, which is neither a success nor a failure.
  private(set) var isWithoutCommonRows = false

  private enum CodingKeys: String, CodingKey { case part, tensor, relativeError, tolerance, passed, note }

  public init(part: String, tensor: String, relativeError: Double, tolerance: Double, note: String = "") {
    self.part = part
    self.tensor = tensor
    self.relativeError = relativeError
    self.tolerance = tolerance
    // Written so that NaN does not pass.
    passed = relativeError <= tolerance
    self.note = note
  }

  init(part: String, tensor: String, _ comparison: Comparison, tolerance: Double) {
    self.init(
      part: part, tensor: tensor, relativeError: comparison.relativeError, tolerance: tolerance, note: comparison.note)
    isWithoutCommonRows = comparison.isWithoutCommonRows
  }
}

/// All rows, and what was not compared.
public struct ParityReport: Sendable, Hashable, Codable {
  public struct Skipped: Sendable, Hashable, Codable {
    public var part: String
    public var reason: String
  }

  public var rows: [ParityRow] = []
  public var skipped: [Skipped] = []

  public init() {}

  public var passed: Bool { rows.allSatisfy(\.passed) && !rows.isEmpty }
}
