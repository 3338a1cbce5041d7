extension ContinuousActionSpace {
  /// One number of a command.
  package struct Dimension: Encodable, Sendable, Hashable {
    /// What the safety envelope takes the number for.
    package enum Role: String, Encodable, Sendable, Hashable, CaseIterable {
      /// Metres along an axis of the frame.
      case translationX = "translation_x"
      case translationY = "translation_y"
      case translationZ = "translation_z"
      /// Radians about an axis of the frame; angles a whole turn apart are the same.
      case rotationX = "rotation_x"
      case rotationY = "rotation_y"
      case rotationZ = "rotation_z"
      /// An opening or closing command; never a step, whatever the mode.
      case gripper
      /// A joint, or anything else that has one number. May stand more than once.
      case other

      /// The axis, 0...2, of a translation.
      package var translationAxis: Int? { [.translationX, .translationY, .translationZ].firstIndex(of: self) }
      /// The axis, 0...2, of a rotation.
      package var rotationAxis: Int? { [.rotationX, .rotationY, .rotationZ].firstIndex(of: self) }
      /// Whether the number is along or about an axis of the frame.
      var isSpatial: Bool { translationAxis != nil || rotationAxis != nil }
    }

    /// Bounds on this number, in the dimension's unit; what is `nil` is not bounded.
    package struct Limits: Encodable, Sendable, Hashable {
      /// Whether the policy says that nothing but its range bounds the number, on purpose: `"limits": "none"`.
      package let isUnlimited: Bool
      /// Where commands may lead: the measured value plus the steps, or the command itself.
      package let position: ClosedRange<Double>?
      /// Unit per second, from one command to the next.
      package let maximumRate: Double?
      /// Unit, from the measured value.
      package let maximumJump: Double?

      package enum CodingKeys: String, CodingKey, CaseIterable {
        case position
        case maximumRate = "maximum_rate_per_s"
        case maximumJump = "maximum_jump"
      }

      /// Writes `"none"`, or an object of the limits that there are.
      package func encode(to encoder: any Encoder) throws {
        guard !isUnlimited else {
          var container = encoder.singleValueContainer()
          return try container.encode(PolicySpecification.Limits.none)
        }
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(position, forKey: .position)
        try container.encodeIfPresent(maximumRate, forKey: .maximumRate)
        try container.encodeIfPresent(maximumJump, forKey: .maximumJump)
      }
    }

    /// Unique among the dimensions.
    package let name: String
    /// `m` for translations, `rad` for rotations.
    package let unit: String
    /// The value of location bin 0, in ``unit``.
    package let minimum: Double
    /// The value of location bin 999, in ``unit``; above ``minimum``.
    package let maximum: Double
    /// What the safety envelope takes it for.
    package let role: Role
    /// The proprioception that measures what the number commands; `nil`: the one that ``measurementName`` says.
    package let measuredBy: String?
    /// Bounds on this number alone, or that there are none on purpose.
    package let limits: Limits?

    /// Bounds on this number alone; `nil` when there are none.
    var ownLimits: Limits? { limits.flatMap { $0.isUnlimited ? nil : $0 } }
    /// Whether nothing but its range bounds the number, on purpose.
    var isUnlimited: Bool { limits?.isUnlimited ?? false }

    package enum CodingKeys: String, CodingKey, CaseIterable {
      case name, unit, minimum, maximum, role
      case measuredBy = "measured_by"
      case limits
    }

    /// The declared range.
    var range: ClosedRange<Double> { minimum...maximum }

    /// The proprioception that measures the same quantity: what ``measuredBy`` says, the end effector's axis for a
    /// translation or a rotation, and what has the dimension's own name for all else.
    var measurementName: String {
      measuredBy ?? role.translationAxis.map { MeasuredPose.position[$0] }
        ?? role.rotationAxis.map { MeasuredPose.rotation[$0] } ?? name
    }

    /// Where the measured value stands in the proprioception of a policy; `nil` when it is not measured in the
    /// dimension's unit.
    func measurement(in policy: PolicySpecification) -> Int? {
      policy.proprioception.firstIndex { $0.name == measurementName && $0.unit == unit }
    }
  }
}

// MARK: Decoding

extension ContinuousActionSpace.Dimension {
  init(_ field: JSONField) throws(PolicyError) {
    let object = try field.object(CodingKeys.self)
    name = try object.required(.name).string()
    unit = try object.required(.unit).string(maximumLength: 32)
    minimum = try object.required(.minimum).number()
    maximum = try object.required(.maximum).number()
    role = try object.required(.role).choice()
    measuredBy = try object.optional(.measuredBy)?.string()
    limits = try object.optional(.limits).map { (field) throws(PolicyError) in try Limits(field) }
    try field.checkRange(minimum, maximum, at: CodingKeys.maximum.rawValue)
  }
}

extension ContinuousActionSpace.Dimension.Limits {
  init(_ field: JSONField) throws(PolicyError) {
    if case .string(let text) = field.node.value, text != PolicySpecification.Limits.none {
      throw field.fault("expected an object or \"none\", found \"\(text.prefix(80))\"")
    }
    isUnlimited = if case .string = field.node.value { true } else { false }
    let object = isUnlimited ? nil : try field.object(CodingKeys.self)
    position = try object?.optional(.position)?.range()
    maximumRate = try object?.optional(.maximumRate)?.number(above: 0)
    maximumJump = try object?.optional(.maximumJump)?.number(above: 0)
    guard isUnlimited || position != nil || maximumRate != nil || maximumJump != nil else {
      throw field.fault("expected at least one of \(CodingKeys.allCases.map(\.rawValue).joined(separator: ", "))")
    }
  }

  /// The limits that are there, with what they need to be kept.
  var declared: [CodingKeys] {
    var keys: [CodingKeys] = []
    if position != nil { keys.append(.position) }
    if maximumRate != nil { keys.append(.maximumRate) }
    if maximumJump != nil { keys.append(.maximumJump) }
    return keys
  }
}
