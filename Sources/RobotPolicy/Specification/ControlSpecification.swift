public import RobotInterface

extension PolicySpecification {
  /// Rates and deadlines.
  public struct Control: Encodable, Sendable, Hashable {
    /// What a robot does when no fresh command is there.
    public typealias Hold = Capabilities.Hold

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
