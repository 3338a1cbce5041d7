extension PolicySpecification {
  /// Bounds on where the end effector may be told to go; what is absent is not bounded. Single dimensions have more of their own.
  public struct Limits: Encodable, Sendable, Hashable {
    /// A box in the base frame, metres.
    public struct Workspace: Encodable, Sendable, Hashable {
      /// Metres along the frame's x axis.
      public let x: ClosedRange<Double>
      /// Metres along the frame's y axis.
      public let y: ClosedRange<Double>
      /// Metres along the frame's z axis.
      public let z: ClosedRange<Double>

      package enum CodingKeys: String, CodingKey, CaseIterable { case x, y, z }

      /// x, y, z.
      package var axes: [ClosedRange<Double>] { [x, y, z] }
    }

    /// Whether the policy says that it has no limits at all, on purpose: `"limits": "none"`.
    public let isUnlimited: Bool
    /// Where the end effector may be.
    public let workspace: Workspace?
    /// Metres per second of the end effector.
    public let maximumSpeed: Double?
    /// Radians per second of the end effector.
    public let maximumRotationRate: Double?
    /// Metres from the measured position that a chunk may lead to.
    public let maximumJump: Double?

    package enum CodingKeys: String, CodingKey, CaseIterable {
      case workspace
      case maximumSpeed = "maximum_speed_m_per_s"
      case maximumRotationRate = "maximum_rotation_rate_rad_per_s"
      case maximumJump = "maximum_jump_m"
    }

    /// What stands in the place of limits when there are none.
    package static let none = "none"

    /// The keys of the limits that there are.
    package var declared: [CodingKeys] {
      var keys: [CodingKeys] = []
      if workspace != nil { keys.append(.workspace) }
      if maximumSpeed != nil { keys.append(.maximumSpeed) }
      if maximumRotationRate != nil { keys.append(.maximumRotationRate) }
      if maximumJump != nil { keys.append(.maximumJump) }
      return keys
    }

    /// No bounds, whether or not that is on purpose.
    package init(isUnlimited: Bool = false) {
      self.isUnlimited = isUnlimited
      workspace = nil
      maximumSpeed = nil
      maximumRotationRate = nil
      maximumJump = nil
    }

    /// Writes `"none"`, or an object of the limits that there are.
    public func encode(to encoder: any Encoder) throws {
      guard !isUnlimited else {
        var container = encoder.singleValueContainer()
        return try container.encode(Self.none)
      }
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encodeIfPresent(workspace, forKey: .workspace)
      try container.encodeIfPresent(maximumSpeed, forKey: .maximumSpeed)
      try container.encodeIfPresent(maximumRotationRate, forKey: .maximumRotationRate)
      try container.encodeIfPresent(maximumJump, forKey: .maximumJump)
    }
  }
}

// MARK: Decoding

extension PolicySpecification.Limits {
  init(_ field: JSONField) throws(PolicyError) {
    if case .string(let text) = field.node.value, text != Self.none {
      throw field.fault("expected an object or \"none\", found \"\(text.prefix(80))\"")
    }
    isUnlimited = if case .string = field.node.value { true } else { false }
    let object = isUnlimited ? nil : try field.object(CodingKeys.self)
    workspace = try object?.optional(.workspace).map { (field) throws(PolicyError) in try Workspace(field) }
    maximumSpeed = try object?.optional(.maximumSpeed)?.number(above: 0)
    maximumRotationRate = try object?.optional(.maximumRotationRate)?.number(above: 0)
    maximumJump = try object?.optional(.maximumJump)?.number(above: 0)
  }
}

extension PolicySpecification.Limits.Workspace {
  init(_ field: JSONField) throws(PolicyError) {
    let object = try field.object(CodingKeys.self)
    x = try object.required(.x).range()
    y = try object.required(.y).range()
    z = try object.required(.z).range()
  }
}
