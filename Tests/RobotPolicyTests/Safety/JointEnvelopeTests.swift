import RobotInterface
import RobotPolicy
import TestSupport
import Testing

@Suite("Safety envelope of joints and other single values")
struct JointEnvelopeTests {
  let shoulder = -2.0...2.5
  let fingers = 0.01...0.07

  func envelope(_ text: String) throws -> SafetyEnvelope { SafetyEnvelope(try ExamplePolicy.specification(text)) }

  @Test func `the first target lies no farther from the measured joint than it may turn in a step`() throws {
    let target = Action(values: [2.35, 2.35, 0.08])
    let limited = try envelope(ExamplePolicy.joints).limit([target, target], proprioception: [0, 0, 0.02])
    #expect(zip(limited.flatMap(\.values), [0.1, 0.2, 0.03, 0.2, 0.4, 0.04]).allSatisfy { abs($0 - $1) < 1e-12 })
    #expect(limited[0].limited == [.rate, .jump, .position])
    let far = try envelope(ExamplePolicy.joints).limit(
      Array(repeating: Action(values: [2.35, 0, 0.02]), count: 4), proprioception: [0, 0, 0.02])
    #expect(zip(far.map { $0.values[0] }, [0.1, 0.2, 0.25, 0.25]).allSatisfy { abs($0 - $1) < 1e-12 })
  }

  @Test func `what is inside comes out as it went in`() throws {
    let action = Action(values: [0.08, -0.15, 0.025])
    #expect(try envelope(ExamplePolicy.joints).limit([action], proprioception: [0, 0, 0.02]) == [action])
  }

  @Test func `a joint that is too far outside to come back in a step is refused`() throws {
    let error = #expect(throws: RobotError.self) {
      try envelope(ExamplePolicy.joints).limit([Action(values: [0, 0, 0.02])], proprioception: [-2.2, 0, 0.02])
    }
    #expect(error?.code == .invalidAction)
    #expect(error?.message.contains("shoulder") == true)
    let back = try envelope(ExamplePolicy.joints).limit(
      [Action(values: [0, 0, 0.02])], proprioception: [-2.05, 0, 0.02])
    #expect(abs(back[0].values[0] + 1.95) < 1e-12)
  }

  /// Every limit holds at once, another pass changes nothing, and what was inside is untouched.
  @Test func `every limit on targets holds in 10000 chunks`() throws {
    let envelope = try envelope(ExamplePolicy.joints)
    var random = SeededGenerator(seed: 31)
    var touched = 0, untouched = 0, refused = 0
    for round in 0..<10_000 {
      let start = [
        Double.random(in: -2.15...2.65, using: &random), Double.random(in: -3...3, using: &random),
        Double.random(in: 0...0.08, using: &random),
      ]
      let spread = [0.02, 0.2, 3, 1e200][round % 4]
      let actions = (0..<4).map { _ in
        Action(
          values: [
            start[0] + Double.random(in: -spread...spread, using: &random),
            start[1] + Double.random(in: -spread...spread, using: &random),
            start[2] + Double.random(in: -spread...spread, using: &random) / 20,
          ])
      }
      let limited: [Action]
      do throws(RobotError) {
        limited = try envelope.limit(actions, proprioception: start)
      } catch {
        #expect(error.code == .invalidAction)
        let gaps = [(shoulder, start[0], 0.1), (fingers, start[2], 0.01)].map { range, value, step in
          max(range.lowerBound - value, value - range.upperBound) - step
        }
        #expect((gaps.max() ?? 0) > -1e-12, "refused although the positions are within reach: \(start)")
        refused += 1
        continue
      }
      var last = start
      for (before, after) in zip(actions, limited) {
        let way = zip(after.values, last).map { abs($0 - $1) }
        #expect(way[0] <= 0.1 && way[1] <= 0.2 && way[2] <= 0.01)
        #expect(
          shoulder.contains(after.values[0]) && (-3...3).contains(after.values[1]) && fingers.contains(after.values[2]))
        #expect(abs(after.values[0] - start[0]) <= 0.25)
        #expect(after.limited.isEmpty == (before.values == after.values))
        if after.limited.isEmpty { untouched += 1 } else { touched += 1 }
        last = after.values
      }
      let clean = limited.map { Action(values: $0.values) }
      #expect(try envelope.limit(clean, proprioception: start) == clean)
    }
    #expect(touched > 10_000 && untouched > 500 && refused > 100, "\(touched) \(untouched) \(refused)")
  }

  @Test func `every limit on steps holds in 10000 chunks`() throws {
    let envelope = try envelope(ExamplePolicy.jointSteps)
    var random = SeededGenerator(seed: 32)
    var touched = 0, untouched = 0, outside = 0
    for round in 0..<10_000 {
      let start = [
        Double.random(in: -2.1...2.6, using: &random), Double.random(in: -3...3, using: &random),
        Double.random(in: fingers, using: &random),
      ]
      let scale = [0.05, 0.2, 3, 1e200][round % 4]
      let actions = (0..<4).map { _ in
        Action(
          values: (0..<2).map { _ in Double.random(in: -scale...scale, using: &random) }
            + [start[2] + Double.random(in: -scale...scale, using: &random) / 100])
      }
      let limited = try envelope.limit(actions, proprioception: start)
      var last = start
      if !shoulder.contains(start[0]) { outside += 1 }
      for (before, after) in zip(actions, limited) {
        let steps = after.values
        #expect(abs(steps[0]) <= 0.1 && abs(steps[1]) <= 0.2)
        let next = [last[0] + steps[0], last[1] + steps[1], steps[2]]
        #expect(next[0] >= min(shoulder.lowerBound, last[0]) && next[0] <= max(shoulder.upperBound, last[0]))
        #expect(abs(next[0] - start[0]) <= 0.25 * (1 + 1e-14))
        #expect(fingers.contains(next[2]) && abs(next[2] - last[2]) <= 0.01)
        #expect(after.limited.isEmpty == (before.values == after.values))
        if after.limited.isEmpty { untouched += 1 } else { touched += 1 }
        last = next
      }
      let clean = limited.map { Action(values: $0.values) }
      #expect(try envelope.limit(clean, proprioception: start) == clean)
    }
    #expect(touched > 10_000 && untouched > 500 && outside > 100, "\(touched) \(untouched) \(outside)")
  }

  @Test func `a joint that has to wait does not hold up another`() throws {
    let limited = try envelope(ExamplePolicy.jointSteps).limit(
      [Action(values: [0.1, 0.15, 0.02])], proprioception: [2.5, 0, 0.02])[0]
    #expect(limited.values == [0, 0.15, 0.02])
    #expect(limited.limited == .position)
  }
}

@Suite("Own limits of the end effector's axes")
struct AxisLimitTests {
  let fast = Action(values: [0.008, 0.004, 0, 1])

  func delta(_ limits: String) throws -> SafetyEnvelope {
    SafetyEnvelope(
      try ExamplePolicy.specification(
        replacing: "\"role\": \"translation_x\"", with: "\"role\": \"translation_x\", \"limits\": {\(limits)}"))
  }

  @Test func `a rate of one axis shortens the whole vector`() throws {
    let limited = try delta("\"maximum_rate_per_s\": 0.32").limit([fast], proprioception: [0, 0.6, 0.1, 0])[0]
    #expect(limited.limited == .rate)
    #expect(abs(limited.values[0] - 0.004) < 1e-12 && abs(limited.values[1] - 0.002) < 1e-12)
  }

  @Test func `a position of one axis is a wall`() throws {
    let limited = try delta("\"position\": [-0.1, 0.1]").limit([fast, fast], proprioception: [0.095, 0.6, 0.1, 0])
    #expect(limited.map(\.limited) == [.position, .position])
    #expect(abs(limited[0].values[0] - 0.005) < 1e-12 && abs(limited[1].values[0]) < 1e-12)
    #expect(limited.map { $0.values[1] } == [0.004, 0.004])
  }

  @Test func `a jump of one axis is measured from where it was`() throws {
    let limited = try delta("\"maximum_jump\": 0.012").limit([fast, fast], proprioception: [0.3, 0.6, 0.1, 0])
    #expect(limited.map(\.limited) == [[], .jump])
    #expect(abs(limited[1].values[0] - 0.004) < 1e-12 && abs(limited[1].values[1] - 0.002) < 1e-12)
  }

  @Test func `a tilt is kept inside whatever turn it is measured in`() throws {
    let text = ExamplePolicy.delta
      .replacing("\"gripper\", \"unit\": \"1\"", with: "\"turn\", \"unit\": \"rad\"")
      .replacing(
        "\"role\": \"gripper\"",
        with: "\"role\": \"rotation_z\", \"limits\": {\"position\": [2.9, 3.5], \"maximum_jump\": 0.3}"
      )
      .replacing(
        "\"gripper_opening\", \"unit\": \"1\", \"minimum\": 0",
        with: "\"end_effector_rotation_z\", \"unit\": \"rad\", \"minimum\": -4")
    let envelope = SafetyEnvelope(try ExamplePolicy.specification(text))
    let turn = Action(values: [0, 0, 0, 0.2])
    // -2.95 is 3.333: 0.167 below the end.
    let limited = try envelope.limit([turn, turn], proprioception: [0, 0.6, 0.1, -2.95])
    #expect(abs(limited[0].values[3] - (3.5 - (2 * .pi - 2.95))) < 1e-9)
    #expect(abs(limited[1].values[3]) < 1e-9)
    let far = try envelope.limit([turn, turn], proprioception: [0, 0.6, 0.1, 3])
    #expect(far[0] == turn && abs(far[1].values[3] - 0.1) < 1e-9 && far[1].limited == .jump)
  }

  @Test func `absolute axes keep their own limits too`() throws {
    let text = ExamplePolicy.absolute
      .replacing(
        "\"role\": \"translation_y\"",
        with: "\"role\": \"translation_y\", \"limits\": {\"position\": [-0.1, 0.1], \"maximum_rate_per_s\": 0.1}"
      )
      .replacing("\"role\": \"rotation_z\"", with: "\"role\": \"rotation_z\", \"limits\": {\"maximum_jump\": 0.15}")
    let envelope = SafetyEnvelope(try ExamplePolicy.specification(text))
    let target = Action(values: [0, 0.3, 0.1, 1])
    let limited = try envelope.limit([target, target, target], proprioception: [0, 0, 0.1, 0])
    #expect(limited[0].limited == [.position, .speed, .rate, .rotationRate, .jump])
    #expect(zip(limited.map { $0.values[1] }, [0.01, 0.02, 0.03]).allSatisfy { abs($0 - $1) < 1e-12 })
    #expect(zip(limited.map { $0.values[3] }, [0.1, 0.15, 0.15]).allSatisfy { abs($0 - $1) < 1e-12 })
  }
}
