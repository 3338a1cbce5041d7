extension PolicySpecification {
  /// Rates and deadlines.
  public struct Control: Encodable, Sendable, Hashable {
    /// What a robot does when no fresh command is there.
    public enum Hold: String, Encodable, Sendable, Hashable, CaseIterable {
      /// Moves by nothing; for deltas and for pick-and-place.
      case zero
      /// Stays with the last command; for absolute poses.
      case `repeat`
    }

    /// Hz, of single actions.
    public let rate: Double
    /// What a robot does when no fresh command is there.
    public let hold: Hold
    /// Milliseconds after the capture of its observation within which an action may begin.
    public let deadlineMilliseconds: Double
    /// Milliseconds; older observations are refused. `nil`: any age.
    public let maximumObservationAgeMilliseconds: Double?
    /// Milliseconds for which a camera may show the same picture while the robot moves. `nil`: not watched.
    public let frozenCameraMilliseconds: Double?

    /// ``deadlineMilliseconds`` in nanoseconds.
    package var deadline: UInt64 { nanoseconds(deadlineMilliseconds) }
    /// ``maximumObservationAgeMilliseconds`` in nanoseconds.
    package var maximumObservationAge: UInt64? { maximumObservationAgeMilliseconds.map(nanoseconds) }
    /// ``frozenCameraMilliseconds`` in nanoseconds.
    package var frozenCameraTimeout: UInt64? { frozenCameraMilliseconds.map(nanoseconds) }

    package enum CodingKeys: String, CodingKey, CaseIterable {
      case rate = "rate_hz"
      case hold
      case deadlineMilliseconds = "deadline_ms"
      case maximumObservationAgeMilliseconds = "maximum_observation_age_ms"
      case frozenCameraMilliseconds = "frozen_camera_ms"
    }
  }

  /// Bounds on what the robot may be told; what is absent is not bounded.
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

    /// No bounds.
    package init() {
      workspace = nil
      maximumSpeed = nil
      maximumRotationRate = nil
      maximumJump = nil
    }
  }
}

/// At most an hour by the rules of the format, so that it fits.
private func nanoseconds(_ milliseconds: Double) -> UInt64 {
  UInt64(min(max(milliseconds, 0) * 1e6, 1e18))
}

// MARK: Decoding

extension PolicySpecification.Control {
  private static let hour = 3_600_000.0

  init(_ field: JSONField) throws(PolicyError) {
    let object = try field.object(CodingKeys.self)
    rate = try object.required(.rate).number(above: 0, upTo: 10_000)
    hold = try object.required(.hold).choice()
    deadlineMilliseconds = try object.required(.deadlineMilliseconds).number(above: 0, upTo: Self.hour)
    maximumObservationAgeMilliseconds =
      try object.optional(.maximumObservationAgeMilliseconds)?.number(above: 0, upTo: Self.hour)
    frozenCameraMilliseconds = try object.optional(.frozenCameraMilliseconds)?.number(above: 0, upTo: Self.hour)
  }
}

extension PolicySpecification.Limits {
  init(_ field: JSONField) throws(PolicyError) {
    let object = try field.object(CodingKeys.self)
    workspace = try object.optional(.workspace).map { (field) throws(PolicyError) in try Workspace(field) }
    maximumSpeed = try object.optional(.maximumSpeed)?.number(above: 0)
    maximumRotationRate = try object.optional(.maximumRotationRate)?.number(above: 0)
    maximumJump = try object.optional(.maximumJump)?.number(above: 0)
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
