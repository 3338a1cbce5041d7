import Foundation
import RobotInterface
import RobotPolicy
import Testing

@Suite("Limits and instructions of policy.json")
struct LimitRuleTests {
  struct Fault: Sendable, CustomTestStringConvertible {
    var text = ExamplePolicy.joints
    var old: String
    var new: String
    var subject: String
    var message: String
    var testDescription: String { "\(subject): \(new)" }
  }

  static let joint = "action_space.dimensions[0]"

  static let faults: [Fault] = [
    Fault(
      text: ExamplePolicy.delta, old: "\"minimum\": -0.5, \"maximum\": 0.5",
      new: "\"minimum\": -1e300, \"maximum\": 1e300",
      subject: "proprioception[0].minimum (line 14)",
      message: "expected a number from -1000000 to 1000000, found -1e+300"),
    Fault(
      old: "\"role\": \"other\", \"measured_by\"", new: "\"role\": \"other\", \"measured_by\": \"width\", \"x\"",
      subject: "action_space.dimensions[1].x (line 15)",
      message: "expected only the keys name, unit, minimum, maximum, role, measured_by, limits"),
    Fault(
      old: "{\"name\": \"elbow\", \"unit\": \"rad\", \"minimum\": -3, \"maximum\": 3",
      new: "{\"name\": \"elbow\", \"unit\": \"rad\", \"minimum\": -3, \"maximum\": 2e6",
      subject: "action_space.dimensions[1].maximum (line 15)",
      message: "expected a number from -1000000 to 1000000, found 2000000"),
    Fault(
      old: "\"position\": [-2, 2.5]", new: "\"position\": [-2, 1e300]",
      subject: "\(joint).limits.position[1] (line 14)",
      message: "expected a number from -1000000 to 1000000, found 1e+300"),
    Fault(
      old: "\"maximum_jump\": 0.25", new: "\"maximum_jump\": 1e300", subject: "\(joint).limits.maximum_jump (line 14)",
      message: "expected a number > 0 and at most 1000000, found 1e+300"),
    Fault(
      text: ExamplePolicy.delta, old: "\"maximum_speed_m_per_s\": 2.0", new: "\"maximum_speed_m_per_s\": 1e300",
      subject: "limits.maximum_speed_m_per_s (line 35)",
      message: "expected a number > 0 and at most 1000000, found 1e+300"),
    Fault(
      text: ExamplePolicy.delta, old: "\"tolerance\": 0.1", new: "\"tolerance\": -0.1",
      subject: "proprioception[0].tolerance (line 14)", message: "expected a number from 0 to 1000000, found -0.1"),
    Fault(
      old: "\"name\": \"shoulder\", \"unit\": \"rad\", \"minimum\": -3, \"maximum\": 3},",
      new: "\"name\": \"neck\", \"unit\": \"rad\", \"minimum\": -3, \"maximum\": 3},",
      subject: "\(joint).limits.maximum_rate_per_s (line 14)",
      message: "expected proprioception \"shoulder\", which this limit is measured from, in rad"),
    Fault(
      text: ExamplePolicy.jointSteps,
      old: "\"name\": \"shoulder\", \"unit\": \"rad\", \"minimum\": -3, \"maximum\": 3},",
      new: "\"name\": \"shoulder\", \"unit\": \"deg\", \"minimum\": -180, \"maximum\": 180},",
      subject: "\(joint).limits.position (line 14)",
      message: "expected proprioception \"shoulder\", which this limit is measured from, in rad"),
    Fault(
      old: "\"measured_by\": \"elbow_angle\"", new: "\"measured_by\": \"knee\"",
      subject: "action_space.dimensions[1].measured_by (line 15)",
      message: "expected proprioception in \"rad\", found none of that name"),
    Fault(
      old: "\"measured_by\": \"elbow_angle\"", new: "\"measured_by\": \"width\"",
      subject: "action_space.dimensions[1].measured_by (line 15)",
      message: "expected proprioception in \"rad\", found it in \"m\""),
    Fault(
      old: "\"position\": [-2, 2.5]", new: "\"position\": [3.5, 4]", subject: "\(joint).limits.position (line 14)",
      message: "expected positions that overlap the range of shoulder"),
    Fault(
      text: ExamplePolicy.delta, old: "\"role\": \"translation_z\"",
      new: "\"role\": \"translation_z\", \"limits\": {\"position\": [0.7, 0.8]}",
      subject: "action_space.dimensions[2].limits.position (line 24)",
      message: "expected positions that overlap the workspace"),
    Fault(
      old: "{\"maximum_rate_per_s\": 2}", new: "{}", subject: "action_space.dimensions[1].limits (line 16)",
      message: "expected at least one of position, maximum_rate_per_s, maximum_jump"),
    Fault(
      text: ExamplePolicy.jointSteps, old: "\"name\": \"elbow\", \"unit\": \"rad\", \"minimum\": -3",
      new: "\"name\": \"elbow\", \"unit\": \"rad\", \"minimum\": 1",
      subject: "action_space.dimensions[1].minimum (line 15)",
      message: "expected the range of a delta to contain 0, found [1, 3]"),
    Fault(
      text: ExamplePolicy.pickAndPlace,
      old: ",\n  \"limits\": {\"workspace\": {\"x\": [0.3, 0.7], \"y\": [-0.6, 0.6], \"z\": [0, 0.4]}}", new: "",
      subject: "limits (line 1)",
      message: "expected at least one limit, found none; a policy that has none on purpose says \"limits\": \"none\""),
    Fault(
      text: ExamplePolicy.pickAndPlace,
      old: "{\"workspace\": {\"x\": [0.3, 0.7], \"y\": [-0.6, 0.6], \"z\": [0, 0.4]}}",
      new: "{}", subject: "limits (line 8)",
      message: "expected at least one limit, found none; a policy that has none on purpose says \"limits\": \"none\""),
    Fault(
      text: ExamplePolicy.pickAndPlace,
      old: "{\"workspace\": {\"x\": [0.3, 0.7], \"y\": [-0.6, 0.6], \"z\": [0, 0.4]}}",
      new: "\"no\"", subject: "limits (line 8)", message: "expected an object or \"none\", found \"no\""),
    Fault(
      old: "\"deadline_ms\": 200}", new: "\"deadline_ms\": 200},\n  \"limits\": \"none\"", subject: "limits (line 22)",
      message: "expected no \"none\", for dimensions have limits of their own"),
    Fault(
      old: ",\n       \"limits\": {\"maximum_rate_per_s\": 2}", new: "",
      subject: "action_space.dimensions[1].limits (line 15)",
      message: "expected a limit on elbow, found none; a number that has none on purpose says \"limits\": \"none\""),
    Fault(
      text: ExamplePolicy.absolute, old: ", \"maximum_rotation_rate_rad_per_s\": 1.0", new: "",
      subject: "action_space.dimensions[3].limits (line 17)",
      message: "expected a limit on yaw, found none; a number that has none on purpose says \"limits\": \"none\""),
    Fault(
      text: ExamplePolicy.absolute, old: "\"role\": \"rotation_z\"",
      new: "\"role\": \"rotation_z\", \"limits\": \"none\"", subject: "action_space.dimensions[3].limits (line 17)",
      message: "expected no \"none\", for limits.maximum_rotation_rate_rad_per_s bounds yaw"),
    Fault(
      old: "{\"maximum_rate_per_s\": 2}", new: "\"all\"", subject: "action_space.dimensions[1].limits (line 16)",
      message: "expected an object or \"none\", found \"all\""),
    Fault(
      old: ", \"instructions\": \"free\"", new: "", subject: "instructions (line 1)",
      message: "expected this key: the sentences that the policy was trained on, or \"free\" when it takes any"),
    Fault(
      old: "\"free\"", new: "\"any\"", subject: "instructions (line 3)",
      message: "expected an array of sentences, or \"free\", found \"any\""),
    Fault(
      old: "\"free\"", new: "[]", subject: "instructions (line 3)", message: "expected 1 to 256 sentences, found 0"),
    Fault(
      old: "\"free\"", new: "[\"Go on.\", \"go  on!\"]", subject: "instructions[1] (line 3)",
      message:
        "expected sentences that differ in more than case, white space and final punctuation, found \"go  on!\" again"),
    Fault(
      old: "\"free\"", new: "[\"...\"]", subject: "instructions[0] (line 3)",
      message: "expected a sentence that can be seen, without control characters"),
  ]

  @Test(arguments: faults)
  func `a limit that cannot be kept, or an absent one, is refused when the policy is loaded`(fault: Fault) throws {
    #expect(fault.text.contains(fault.old))
    let error = #expect(throws: PolicyError.self) {
      try ExamplePolicy.specification(fault.text, replacing: fault.old, with: fault.new)
    }
    #expect(error?.subject == fault.subject)
    #expect(error?.message == fault.message)
  }

  @Test func `robots are told limits, tolerances and sentences`() throws {
    let joints = try ExamplePolicy.specification(
      ExamplePolicy.joints, replacing: "\"free\"", with: "[\"Wave.\", \"Point up.\"]"
    ).capabilities(digest: "", serverVersion: "")
    #expect(
      joints.limits.dimensions == [
        Capabilities.DimensionLimits(name: "shoulder", position: -2...2.5, maximumRate: 1, maximumJump: 0.25),
        Capabilities.DimensionLimits(name: "elbow", maximumRate: 2),
        Capabilities.DimensionLimits(name: "fingers", position: 0.01...0.07, maximumRate: 0.1),
      ])
    #expect(joints.proprioception.map(\.tolerance) == [0.05 * 6, 0.05 * 6, 0.05 * 0.08])
    #expect(joints.instructions == ["Wave.", "Point up."])
    #expect(!joints.isUnlimited)
  }

  @Test func `a number without limits is named, and written as it was read`() throws {
    let joints = try ExamplePolicy.specification(
      ExamplePolicy.joints, replacing: "{\"maximum_rate_per_s\": 2}", with: "\"none\"")
    let capabilities = joints.capabilities(digest: "", serverVersion: "")
    #expect(capabilities.unlimitedDimensions == ["elbow"] && !capabilities.isUnlimited)
    #expect(capabilities.limits.dimensions.map(\.name) == ["shoulder", "fingers"])
    let again = try JSONDecoder().decode(PolicySpecification.self, from: JSONEncoder().encode(joints))
    #expect(again == joints)
    // What is not bounded comes out as it went in.
    let said = [Action(values: [0, 3, 0.04])]
    #expect(try SafetyEnvelope(joints).limit(said, proprioception: [0, -3, 0.04]) == said)
  }

  @Test func `a policy without limits says so`() throws {
    let table = try ExamplePolicy.specification(
      ExamplePolicy.pickAndPlace,
      replacing: "{\"workspace\": {\"x\": [0.3, 0.7], \"y\": [-0.6, 0.6], \"z\": [0, 0.4]}}",
      with: "\"none\"")
    let capabilities = table.capabilities(digest: "", serverVersion: "")
    #expect(capabilities.isUnlimited)
    #expect(capabilities.instructions.isEmpty)
    #expect(capabilities.limits.workspaceMinimum == nil)
  }

  /// What the schema's example is about: the shipped policy's limits can bind, and its sentences are those of its
  /// tasks.
  @Test func `the shipped policy's limits lie inside what it can say`() throws {
    let root = (0..<4).reduce(URL(filePath: #filePath)) { url, _ in url.deletingLastPathComponent() }
    let text = try Data(contentsOf: root.appending(path: "Policies/metaworld-mt5/policy.json"))
    let policy = try PolicySpecification(json: [UInt8](text))
    let space = try #require(policy.actionSpace as? ContinuousActionSpace)
    let largest = space.dimensions.filter { $0.role != .gripper }.map { $0.maximum * $0.maximum }.reduce(0, +)
      .squareRoot()
    #expect(try #require(policy.limits.maximumSpeed) < largest * policy.control.rate)
    #expect(try #require(policy.limits.maximumJump) < largest * Double(space.chunkLength))
    #expect(policy.instructions.sentences.count == 5)
  }
}
