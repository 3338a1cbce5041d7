import RobotInterface

extension Observation {
  /// A good observation for ``FakePolicy``, made and sent at the same moment of a clock that stands still unless told otherwise.
  static func sample(
    _ sequence: UInt64, capturedAt: UInt64? = nil, age: UInt64 = 0, proprioception: [Double] = [0.25, 0.5],
    bytes: Int = 8, clock: RobotClock = .simulated, echo: ClockEcho? = nil
  ) -> Observation {
    let capturedAt = capturedAt ?? sequence * 1_000
    return Observation(
      sequence: sequence, capturedAt: capturedAt, sentAt: capturedAt + age,
      frames: [
        .init(camera: "front", encoding: .jpeg, width: 256, height: 256, data: [UInt8](repeating: 7, count: bytes))
      ],
      proprioception: proprioception, instruction: "push the button", clock: clock, echo: echo)
  }

  /// An observation of this moment, on this process's clock; the client says when it leaves.
  static func now(_ sequence: UInt64) -> Observation {
    var observation = sample(sequence, capturedAt: MonotonicClock.nanoseconds(), clock: .monotonic)
    observation.sentAt = 0
    return observation
  }
}
