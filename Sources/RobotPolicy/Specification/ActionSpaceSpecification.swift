extension PolicySpecification {
  /// What the model's answer means.
  public enum ActionSpace: Encodable, Sendable, Hashable {
    /// A chunk of commands with a few numbers each.
    case continuous(Continuous)
    /// Sentences that pick and place, or push, by table positions.
    case pickAndPlace(PickAndPlace)

    /// The values of the key `type`.
    package enum Kind: String, Sendable, CaseIterable {
      case continuous
      case pickAndPlace = "pick_and_place"
    }

    /// The key that tells the kinds apart.
    package enum CodingKeys: String, CodingKey, CaseIterable { case type }

    /// Writes `type` among the keys of the kind.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      switch self {
      case .continuous(let space):
        try container.encode(Kind.continuous.rawValue, forKey: .type)
        try space.encode(to: encoder)
      case .pickAndPlace(let space):
        try container.encode(Kind.pickAndPlace.rawValue, forKey: .type)
        try space.encode(to: encoder)
      }
    }
  }

  /// A chunk of commands, one after the other, each a row of dimensions.
  public struct Continuous: Encodable, Sendable, Hashable {
    /// What a command's numbers are relative to.
    public enum Mode: String, Encodable, Sendable, Hashable, CaseIterable {
      /// Steps from where the end effector is.
      case delta
      /// Poses in the frame.
      case absolute
    }

    /// The axes of the commands.
    public enum Frame: String, Encodable, Sendable, Hashable, CaseIterable {
      /// The robot's base, in which proprioception and workspace are given too.
      case base
      /// The tool as it points when the command begins.
      case endEffector = "end_effector"
    }

    /// Commands in a chunk, 1...64.
    public let chunkLength: Int
    /// The axes of the commands.
    public let frame: Frame
    /// What they are relative to.
    public let mode: Mode
    /// The numbers of a command, in order.
    public let dimensions: [Dimension]

    package enum CodingKeys: String, CodingKey, CaseIterable {
      case chunkLength = "chunk_length"
      case frame, mode, dimensions
    }
  }

  /// One number of a continuous command.
  public struct Dimension: Encodable, Sendable, Hashable {
    /// What the safety envelope takes the number for.
    public enum Role: String, Encodable, Sendable, Hashable, CaseIterable {
      /// Metres along an axis of the frame.
      case translationX = "translation_x"
      case translationY = "translation_y"
      case translationZ = "translation_z"
      /// Radians about an axis of the frame.
      case rotationX = "rotation_x"
      case rotationY = "rotation_y"
      case rotationZ = "rotation_z"
      /// An opening or closing command; never a step, whatever the mode.
      case gripper
      /// Anything else; only its range is watched. May stand more than once.
      case other

      /// The axis, 0...2, of a translation.
      package var translationAxis: Int? { [.translationX, .translationY, .translationZ].firstIndex(of: self) }
      /// The axis, 0...2, of a rotation.
      package var rotationAxis: Int? { [.rotationX, .rotationY, .rotationZ].firstIndex(of: self) }
    }

    /// Unique among the dimensions.
    public let name: String
    /// `m` for translations, `rad` for rotations.
    public let unit: String
    /// The value of location bin 0, in ``unit``.
    public let minimum: Double
    /// The value of location bin 999, in ``unit``; above ``minimum``.
    public let maximum: Double
    /// What the safety envelope takes it for.
    public let role: Role

    package enum CodingKeys: String, CodingKey, CaseIterable { case name, unit, minimum, maximum, role }
  }

  /// Steps that pick something from a table and place it elsewhere, or push it there, all from one observation.
  public struct PickAndPlace: Encodable, Sendable, Hashable {
    /// Steps in an answer, 1...16.
    public let maximumSteps: Int
    /// Metres in the base frame.
    public let x: ClosedRange<Double>
    /// Metres in the base frame.
    public let y: ClosedRange<Double>

    package enum CodingKeys: String, CodingKey, CaseIterable {
      case maximumSteps = "maximum_steps"
      case x, y
    }
  }
}

// MARK: Decoding

extension PolicySpecification.ActionSpace {
  init(_ field: JSONField) throws(PolicyError) {
    // The kind decides which keys are known, so it is looked at first.
    guard let type = field.node[CodingKeys.type.rawValue] else {
      throw JSONField.fault(.missingKey, path: field.join("type"), line: field.node.line, "expected this key")
    }
    let rest = field.without(CodingKeys.type.rawValue)
    switch try JSONField(type, path: field.join("type")).choice(of: Kind.self) {
    case .continuous: self = .continuous(try PolicySpecification.Continuous(rest))
    case .pickAndPlace: self = .pickAndPlace(try PolicySpecification.PickAndPlace(rest))
    }
  }
}

extension PolicySpecification.Continuous {
  init(_ field: JSONField) throws(PolicyError) {
    let object = try field.object(CodingKeys.self)
    chunkLength = try object.required(.chunkLength).integer(in: 1...64)
    frame = try object.required(.frame).choice()
    mode = try object.required(.mode).choice()
    var dimensions: [PolicySpecification.Dimension] = []
    for field in try object.required(.dimensions).elements() {
      dimensions.append(try PolicySpecification.Dimension(field))
    }
    self.dimensions = dimensions
  }
}

extension PolicySpecification.Dimension {
  init(_ field: JSONField) throws(PolicyError) {
    let object = try field.object(CodingKeys.self)
    name = try object.required(.name).string()
    unit = try object.required(.unit).string(maximumLength: 32)
    minimum = try object.required(.minimum).number()
    maximum = try object.required(.maximum).number()
    role = try object.required(.role).choice()
    try field.checkRange(minimum, maximum, at: CodingKeys.maximum.rawValue)
  }
}

extension PolicySpecification.PickAndPlace {
  init(_ field: JSONField) throws(PolicyError) {
    let object = try field.object(CodingKeys.self)
    maximumSteps = try object.required(.maximumSteps).integer(in: 1...16)
    x = try object.required(.x).range()
    y = try object.required(.y).range()
  }
}

extension JSONField {
  /// The same object without one of its keys.
  fileprivate func without(_ key: String) -> JSONField {
    guard case .object(let members) = node.value else { return self }
    return JSONField(JSONNode(.object(members.filter { $0.key != key }), line: node.line), path: path)
  }
}
