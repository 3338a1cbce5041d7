import RobotInterface

extension Observation {
  /// A good observation for ``FakePolicy``, made and sent at the same moment.
  static func sample(
    _ sequence: UInt64, capturedAt: UInt64? = nil, age: UInt64 = 0, proprioception: [Double] = [0.25, 0.5],
    bytes: Int = 8
  ) -> Observation {
    let capturedAt = capturedAt ?? sequence * 1_000
    return Observation(
      sequence: sequence, capturedAt: capturedAt, sentAt: capturedAt + age,
      frames: [
        .init(camera: "front", encoding: .jpeg, width: 256, height: 256, data: [UInt8](repeating: 7, count: bytes))
      ],
      proprioception: proprioception, instruction: "push the button")
  }
}
