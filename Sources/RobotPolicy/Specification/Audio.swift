extension PolicySpecification {
  /// What the policy hears.
  public struct Audio: Encodable, Sendable, Hashable {
    /// What the sound is, e.g. `instruction`.
    public let name: String
    /// Seconds; longer sounds are refused.
    public let maximumDuration: Double
    /// `true`: an observation has words or a sound, and the policy was trained on both. `false`: it has both.
    public let replacesInstruction: Bool

    package enum CodingKeys: String, CodingKey, CaseIterable {
      case name
      case maximumDuration = "maximum_duration_s"
      case replacesInstruction = "replaces_instruction"
    }

    /// Collects the parts.
    package init(name: String, maximumDuration: Double, replacesInstruction: Bool) {
      self.name = name
      self.maximumDuration = maximumDuration
      self.replacesInstruction = replacesInstruction
    }

    /// Seconds that a policy may hear; the model sets its own bound.
    package static let longestDuration = 60.0
  }
}

// MARK: Decoding

extension PolicySpecification.Audio {
  init(_ field: JSONField) throws(PolicyError) {
    let object = try field.object(CodingKeys.self)
    name = try object.required(.name).string()
    maximumDuration = try object.required(.maximumDuration).number(above: 0, upTo: Self.longestDuration)
    replacesInstruction = try object.required(.replacesInstruction).boolean()
  }
}
