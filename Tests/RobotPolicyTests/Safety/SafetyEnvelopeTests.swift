import RobotInterface
import RobotPolicy
import TestSupport
import Testing

@Suite("Safety envelope")
struct SafetyEnvelopeTests {
  static func delta() throws -> SafetyEnvelope {
    let text = ExamplePolicy.delta
      .replacing("\"maximum_speed_m_per_s\": 2.0", with: "\"maximum_speed_m_per_s\": 0.4")
      .replacing("\"maximum_jump_m\": 0.2", with: "\"maximum_jump_m\": 0.012")
    return SafetyEnvelope(try ExamplePolicy.specification(text))
  }

  func norm(_ vector: [Double]) -> Double { vector.map { $0 * $0 }.reduce(0, +).squareRoot() }
  func difference(_ a: [Double], _ b: [Double]) -> [Double] { zip(a, b).map { $0 - $1 } }

  @Test func numbersThatAreNoneAreRefused() throws {
    let envelope = try Self.delta()
    for bad in [Double.nan, .infinity, -.infinity] {
      let error = #expect(throws: RobotError.self) {
        try envelope.limit(
          [Action(values: [0, 0, 0, 0]), Action(values: [0, bad, 0, 0])], proprioception: [0, 0.6, 0.1, 0])
      }
      #expect(error?.code == .invalidAction)
      #expect(error?.subject == "actions[1].delta_y")
    }
    #expect(throws: RobotError.self) { try envelope.limit([Action(values: [0])], proprioception: [0, 0.6, 0.1, 0]) }
    #expect(throws: RobotError.self) { try envelope.limit([], proprioception: [.nan, 0, 0, 0]) }
    #expect(throws: RobotError.self) { try envelope.limit([], proprioception: [0]) }
  }

  @Test func aDeltaThatIsTooFastKeepsItsDirection() throws {
    let envelope = SafetyEnvelope(
      try ExamplePolicy.specification(
        replacing: "\"maximum_speed_m_per_s\": 2.0", with: "\"maximum_speed_m_per_s\": 0.4"))
    let limited = try envelope.limit([Action(values: [0.008, 0.004, 0, 1])], proprioception: [0, 0.6, 0.1, 0])[0]
    #expect(limited.limited == .speed)
    #expect(abs(norm(Array(limited.values[..<3])) - 0.4 / 80) < 1e-12)
    #expect(abs(limited.values[0] / limited.values[1] - 2) < 1e-12)
    #expect(limited.values[3] == 1)
  }

  @Test func aDeltaSlidesAlongTheWall() throws {
    let envelope = SafetyEnvelope(try ExamplePolicy.specification())
    let actions = Array(repeating: Action(values: [0.01, 0.002, 0, 0]), count: 4)
    let limited = try envelope.limit(actions, proprioception: [0.585, 0.6, 0.1, 0])
    #expect(limited.map(\.limited) == [[], .workspace, .workspace, .workspace])
    #expect(limited.map { $0.values[1] } == [0.002, 0.002, 0.002, 0.002])
    #expect(limited[0].values[0] == 0.01)
    #expect(abs(limited[1].values[0] - 0.005) < 1e-12)
    #expect(abs(limited[2].values[0]) < 1e-12)
  }

  @Test func outsideTheBoxDeltasMayOnlyComeBack() throws {
    let envelope = SafetyEnvelope(try ExamplePolicy.specification())
    let out = try envelope.limit([Action(values: [0.01, 0, 0, 0])], proprioception: [0.7, 0.6, 0.1, 0])[0]
    #expect(out.values[0] == 0)
    #expect(out.limited == .workspace)
    let back = try envelope.limit([Action(values: [-0.01, 0, 0, 0])], proprioception: [0.7, 0.6, 0.1, 0])[0]
    #expect(back == Action(values: [-0.01, 0, 0, 0]))
  }

  @Test func valuesOutsideTheirRangeAreClamped() throws {
    let envelope = SafetyEnvelope(try ExamplePolicy.specification())
    let limited = try envelope.limit([Action(values: [0, -3, 0, 7])], proprioception: [0, 0.6, 0.1, 0])[0]
    #expect(limited.values == [0, -0.01, 0, 1])
    #expect(limited.limited == .range)
  }

  /// After the envelope every limit holds, another pass changes nothing, and what was inside is untouched.
  @Test func everyLimitOnDeltasHoldsAtOnce() throws {
    let envelope = try Self.delta()
    var random = SeededGenerator(seed: 21)
    var touched = 0
    var untouched = 0
    for round in 0..<4_000 {
      let start = [
        Double.random(in: -0.61...0.61, using: &random), Double.random(in: 0.29...1.11, using: &random),
        Double.random(in: -0.01...0.61, using: &random),
      ]
      let scale = [0.002, 0.01, 0.05, 1e200][round % 4]
      let actions = (0..<4).map { _ in
        Action(values: (0..<4).map { _ in Double.random(in: -scale...scale, using: &random) })
      }
      let limited = try envelope.limit(actions, proprioception: start + [0.5])
      var position = start
      for (before, after) in zip(actions, limited) {
        let step = Array(after.values[..<3])
        #expect(step.allSatisfy { (-0.01...0.01).contains($0) } && (-1...1).contains(after.values[3]))
        #expect(norm(step) <= 0.4 / 80 * (1 + 1e-14))
        let next = zip(position, step).map { $0 + $1 }
        for (axis, box) in [(-0.6)...0.6, 0.3...1.1, 0...0.6].enumerated() {
          #expect(
            next[axis] <= max(box.upperBound, position[axis]) && next[axis] >= min(box.lowerBound, position[axis]))
        }
        #expect(norm(difference(next, start)) <= 0.012 * (1 + 1e-14))
        #expect(after.limited.isEmpty == (before.values == after.values))
        if after.limited.isEmpty { untouched += 1 } else { touched += 1 }
        position = next
      }
      #expect(try envelope.limit(limited, proprioception: start + [0.5]) == limited)
      let clean = limited.map { Action(values: $0.values) }
      #expect(try envelope.limit(clean, proprioception: start + [0.5]) == clean)
    }
    #expect(touched > 1_000 && untouched > 500)
  }

  @Test func rotationsAreSlowedDownTogether() throws {
    let text = ExamplePolicy.delta
      .replacing("\"gripper\", \"unit\": \"1\"", with: "\"turn\", \"unit\": \"rad\"")
      .replacing("\"role\": \"gripper\"", with: "\"role\": \"rotation_z\"")
      .replacing("\"maximum_jump_m\": 0.2", with: "\"maximum_rotation_rate_rad_per_s\": 8")
    let envelope = SafetyEnvelope(try ExamplePolicy.specification(text))
    let limited = try envelope.limit(
      [Action(values: [0, 0, 0, -0.5]), Action(values: [0.001, 0, 0, 0.05])], proprioception: [0, 0.6, 0.1, 0])
    #expect(limited[0].limited == .rotationRate)
    #expect(abs(limited[0].values[3] + 0.1) < 1e-12)
    #expect(limited[1] == Action(values: [0.001, 0, 0, 0.05]))
  }
}

@Suite("Safety envelope of absolute commands")
struct AbsoluteEnvelopeTests {
  let envelope: SafetyEnvelope

  init() throws { envelope = SafetyEnvelope(try ExamplePolicy.specification(ExamplePolicy.absolute)) }

  func norm(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).map { ($0 - $1) * ($0 - $1) }.reduce(0, +).squareRoot()
  }
  func turn(_ a: Double, _ b: Double) -> Double { abs((a - b).remainder(dividingBy: 2 * .pi)) }

  @Test func everyLimitHoldsAtOnce() throws {
    var random = SeededGenerator(seed: 22)
    let box = [(-0.4)...0.5, (-0.4)...0.4, 0.02...0.4]
    var untouched = 0
    for round in 0..<4_000 {
      let start = box.map { Double.random(in: ($0.lowerBound - 0.02)...($0.upperBound + 0.02), using: &random) }
      let yaw = Double.random(in: -3.1415...3.1415, using: &random)
      let spread = [0.01, 0.1, 1, 1e150][round % 4]
      let actions = (0..<8).map { _ in
        Action(
          values: start.map { $0 + Double.random(in: -spread...spread, using: &random) }
            + [yaw + Double.random(in: -spread...spread, using: &random)])
      }
      let limited = try envelope.limit(actions, proprioception: start + [yaw])
      var position = start
      var angle = yaw
      for (before, after) in zip(actions, limited) {
        let target = Array(after.values[..<3])
        #expect(zip(target, box).allSatisfy { $1.contains($0) })
        #expect((-3.1416...3.1416).contains(after.values[3]))
        #expect(norm(target, position) <= 0.05 * (1 + 1e-14))
        #expect(norm(target, start) <= 0.2 * (1 + 1e-14))
        #expect(turn(after.values[3], angle) <= 0.1 * (1 + 1e-14))
        #expect(after.limited.isEmpty == (before.values == after.values))
        if after.limited.isEmpty { untouched += 1 }
        position = target
        angle = after.values[3]
      }
      #expect(try envelope.limit(limited, proprioception: start + [yaw]) == limited)
      let clean = limited.map { Action(values: $0.values) }
      #expect(try envelope.limit(clean, proprioception: start + [yaw]) == clean)
    }
    #expect(untouched > 100)
  }

  @Test func aTargetThatIsTooFarIsApproached() throws {
    let limited = try envelope.limit(
      Array(repeating: Action(values: [0.4, 0, 0.1, 0]), count: 8), proprioception: [0, 0, 0.1, 0])
    #expect(abs(limited[0].values[0] - 0.05) < 1e-12)
    #expect(limited[0].limited == [.speed, .jump])
    #expect(abs(limited[3].values[0] - 0.2) < 1e-9)
    #expect(abs(limited[7].values[0] - 0.2) < 1e-9)
  }

  @Test func rotationsTakeTheShortWay() throws {
    let limited = try envelope.limit([Action(values: [0, 0, 0.1, 3.1])], proprioception: [0, 0, 0.1, -3.1])[0]
    #expect(limited == Action(values: [0, 0, 0.1, 3.1]))
    let far = try envelope.limit([Action(values: [0, 0, 0.1, 2.5])], proprioception: [0, 0, 0.1, -3.1])[0]
    #expect(far.limited == .rotationRate)
    #expect(abs(far.values[3] - (2 * .pi - 3.2)) < 1e-9)
  }

  @Test func aBoxOutOfReachIsRefused() {
    let error = #expect(throws: RobotError.self) {
      try envelope.limit([Action(values: [0, 0, 0.1, 0])], proprioception: [0.9, 0, 0.1, 0])
    }
    #expect(error?.code == .invalidAction)
  }
}

@Suite("Safety envelope of pick and place")
struct PickAndPlaceEnvelopeTests {
  @Test func positionsAreKeptOnTheTable() throws {
    let envelope = SafetyEnvelope(try ExamplePolicy.specification(ExamplePolicy.pickAndPlace))
    let inside = Action(values: [0.4, 0.2, 1, 0.5, -0.3, 6], primitive: "push")
    let limited = try envelope.limit(
      [inside, Action(values: [0.26, 0.2, 1, 0.9, 0.9, 6], primitive: "pick_and_place")], proprioception: [])
    #expect(limited[0] == inside)
    #expect(limited[1].values == [0.3, 0.2, 1, 0.7, 0.5, 6])
    #expect(limited[1].limited == [.range, .workspace])
    #expect(try envelope.limit(limited, proprioception: []) == limited)
  }
}
