import Foundation
import RobotInterface
import RobotPolicy
import TestSupport
import Testing

@Suite("policy.json")
struct PolicySpecificationTests {
  @Test func everyPartIsRead() throws {
    let policy = try ExamplePolicy.specification()
    #expect(policy.name == "example")
    #expect(policy.model == ".")
    #expect(policy.prompt.template == "{instruction} State: {state}")
    #expect(policy.cameras.map(\.name) == ["front", "top"])
    #expect(policy.cameras.map(\.input) == [.image, .imageHistory])
    #expect(policy.cameras[0].verticalFieldOfView == 30)
    #expect(policy.cameras[1].verticalFieldOfView == nil)
    #expect(policy.proprioception.map(\.maximum) == [0.5, 1, 0.5, 1])
    let space = try #require(policy.actionSpace as? ContinuousActionSpace)
    #expect(space.chunkLength == 4)
    #expect(space.mode == .delta)
    #expect(space.dimensions.map(\.role) == [.translationX, .translationY, .translationZ, .gripper])
    #expect(policy.control.rate == 80)
    #expect(policy.control.frozenCameraMilliseconds == 1_000)
    #expect(policy.limits.workspace?.y == 0.3...1.1)
    #expect(policy.limits.maximumRotationRate == nil)
    #expect(policy.proprioception.map(\.tolerance) == [0.1, 0.05 * 0.7, 0.025, 0.05])
    #expect(policy.instructions == .free)
  }

  static let unlimited = ExamplePolicy.pickAndPlace
    .replacing("{\"workspace\": {\"x\": [0.3, 0.7], \"y\": [-0.6, 0.6], \"z\": [0, 0.4]}}", with: "\"none\"")
    .replacing("\"free\"", with: "[\"Stack the blocks.\", \"Sort them!\"]")

  @Test(arguments: [
    ExamplePolicy.delta, ExamplePolicy.absolute, ExamplePolicy.joints, ExamplePolicy.pickAndPlace, unlimited,
  ])
  func whatIsWrittenIsReadBack(text: String) throws {
    let policy = try ExamplePolicy.specification(text)
    let data = try JSONEncoder().encode(policy)
    #expect(try PolicySpecification(json: [UInt8](data)) == policy)
    #expect(try JSONDecoder().decode(PolicySpecification.self, from: data) == policy)
  }

  @Test func `policies whose action spaces differ are not equal`() throws {
    let delta = try ExamplePolicy.specification()
    let longer = try ExamplePolicy.specification(replacing: "\"chunk_length\": 4", with: "\"chunk_length\": 5")
    let table = try ExamplePolicy.specification(ExamplePolicy.pickAndPlace)
    #expect(delta != longer && delta != table)
    #expect(Set([delta, longer, table, delta]).count == 3)
  }

  @Test func anyDecoderKeepsTheRules() throws {
    let text = ExamplePolicy.delta.replacing("\"rate_hz\": 80", with: "\"rate_hz\": -3")
    let error = #expect(throws: PolicyError.self) {
      try JSONDecoder().decode(PolicySpecification.self, from: Data(text.utf8))
    }
    #expect(error?.subject == "control.rate_hz")
  }

  struct Fault: Sendable, CustomTestStringConvertible {
    var old: String
    var new: String
    var subject: String
    var message: String
    var code = PolicyError.Code.invalidValue
    var text = ExamplePolicy.delta
    var testDescription: String { "\(subject): \(new)" }
  }

  static let faults: [Fault] = [
    Fault(
      old: "\"rate_hz\": 80", new: "\"rate_hz\": -3", subject: "control.rate_hz (line 29)",
      message: "expected a number > 0 and at most 10000, found -3"),
    Fault(
      old: "\"rate_hz\": 80", new: "\"rate_hz\": \"80\"", subject: "control.rate_hz (line 29)",
      message: "expected a number > 0 and at most 10000, found \"80\""),
    Fault(
      old: "\"rate_hz\"", new: "\"rate\"", subject: "control.rate (line 29)",
      message: "expected only the keys rate_hz, hold, deadline_ms, maximum_observation_age_ms, frozen_camera_ms",
      code: .unknownKey),
    Fault(
      old: "\"rate_hz\": 80,", new: "", subject: "control.rate_hz (line 28)", message: "expected this key",
      code: .missingKey),
    Fault(
      old: "\"format_version\": 1", new: "\"format_version\": 2", subject: "format_version (line 3)",
      message: "expected a whole number from 1 to 1, found 2"),
    Fault(
      old: "\"name\": \"top\"", new: "\"name\": \"front\"", subject: "cameras[1].name (line 11)",
      message: "expected a unique name, found \"front\" again"),
    Fault(
      old: "\"image_history\"", new: "\"image\"", subject: "cameras[1].input (line 11)",
      message: "expected one camera whose input is \"image\", found a second"),
    Fault(
      old: "\"input\": \"image\"", new: "\"input\": \"image_history\"", subject: "cameras (line 9)",
      message: "expected one camera whose input is \"image\", found none"),
    Fault(
      old: "\"input\": \"image\"", new: "\"earlier_frames\": 4, \"input\": \"image\"", subject: "cameras (line 9)",
      message: "expected at most 4 frames of image history, found 5"),
    Fault(
      old: "\"width\": 2", new: "\"earlier_frames\": 1, \"width\": 2", subject: "cameras[1].earlier_frames (line 11)",
      message: "expected 0 for a camera whose input is not \"image\", found 1"),
    Fault(
      old: "\"width\": 4", new: "\"width\": 4.5", subject: "cameras[0].width (line 10)",
      message: "expected a whole number from 1 to 8192, found 4.5"),
    Fault(
      old: "\"minimum\": 0.3", new: "\"minimum\": 1.0", subject: "proprioception[1].maximum (line 15)",
      message: "expected a number > minimum (1), found 1"),
    Fault(
      old: "\"end_effector_z\", \"unit\": \"m\"", new: "\"end_effector_z\", \"unit\": \"mm\"",
      subject: "proprioception[2].unit (line 16)", message: "expected \"m\" for end_effector_z, found \"mm\""),
    Fault(
      old: "{instruction}", new: "{task}", subject: "prompt.template (line 8)",
      message: "expected no braces but those of {instruction} and {state}, found \"{task} State: {state\""),
    Fault(
      old: "{instruction}", new: "Do it.", subject: "prompt.template (line 8)",
      message: "expected {instruction}, found none"),
    Fault(
      old: "{instruction}", new: "{instruction} {state}", subject: "prompt.template (line 8)",
      message: "expected {instruction} and {state} once, found one twice"),
    Fault(
      old: "\"chunk_length\": 4", new: "\"chunk_length\": 65", subject: "action_space.chunk_length (line 20)",
      message: "expected a whole number from 1 to 64, found 65"),
    Fault(
      old: "\"type\": \"continuous\"", new: "\"type\": \"discrete\"", subject: "action_space.type (line 20)",
      message: "expected one of \"continuous\", \"pick_and_place\", found \"discrete\""),
    Fault(
      old: "translation_y", new: "translation_x", subject: "action_space.dimensions[1].role (line 23)",
      message: "expected a role once, found \"translation_x\" again"),
    Fault(
      old: "\"role\": \"gripper\"", new: "\"role\": \"hand\"", subject: "action_space.dimensions[3].role (line 25)",
      message:
        "expected one of \"translation_x\", \"translation_y\", \"translation_z\", \"rotation_x\", \"rotation_y\", "
        + "\"rotation_z\", \"gripper\", \"other\", found \"hand\""),
    Fault(
      old: "\"delta_x\", \"unit\": \"m\", \"minimum\": -0.01", new: "\"delta_x\", \"unit\": \"m\", \"minimum\": 0.001",
      subject: "action_space.dimensions[0].minimum (line 22)",
      message: "expected the range of a delta to contain 0, found [0.001, 0.01]"),
    Fault(
      old: "\"hold\": \"zero\"", new: "\"hold\": \"repeat\"", subject: "control.hold (line 29)",
      message: "expected \"zero\" for deltas, found \"repeat\""),
    Fault(
      old: "\"hold\": \"repeat\"", new: "\"hold\": \"zero\"", subject: "control.hold (line 20)",
      message: "expected \"repeat\" for absolute commands, found \"zero\"", text: ExamplePolicy.absolute),
    Fault(
      old: "[0.3, 1.1]", new: "[1.1, 0.3]", subject: "limits.workspace.y (line 34)",
      message: "expected minimum < maximum, found [1.1, 0.3]"),
    Fault(
      old: "\"end_effector_z\"", new: "\"height\"", subject: "limits.workspace (line 34)",
      message: "expected proprioception \"end_effector_z\", which this limit is measured from"),
    Fault(
      old: "\"maximum_jump_m\": 0.2", new: "\"maximum_rotation_rate_rad_per_s\": 1",
      subject: "limits.maximum_rotation_rate_rad_per_s (line 36)",
      message: "expected a dimension with a role that this limit applies to, found none"),
    Fault(
      old: "\"frame\": \"base\"", new: "\"frame\": \"end_effector\"", subject: "limits.workspace (line 34)",
      message: "expected the action frame \"base\" for this limit"),
    Fault(
      old: "\"limits\": {", new: "\"limits\": {\"maximum_speed_m_per_s\": 1, ",
      subject: "limits.maximum_speed_m_per_s (line 8)",
      message: "expected no such limit: a pick_and_place answer says where to go, not how to get there",
      text: ExamplePolicy.pickAndPlace),
    Fault(
      old: "\"x\": [0.3, 0.7]", new: "\"x\": [0.8, 0.9]", subject: "limits.workspace (line 8)",
      message: "expected a box that overlaps the action space's x and y", text: ExamplePolicy.pickAndPlace),
    Fault(
      old: "\"z\": [0.02, 0.4]", new: "\"z\": [0.6, 0.7]", subject: "limits.workspace (line 22)",
      message: "expected a box that overlaps the range of z", text: ExamplePolicy.absolute),
    Fault(
      old: "\"name\": \"example\",", new: "\"name\": \"example\"", subject: "policy.json (line 5)",
      message: "expected ',' or '}' after the value of \"name\"", code: .invalidSyntax),
    Fault(
      old: "\"name\": \"example\"", new: "\"name\": \"a\", \"name\": \"b\"", subject: "policy.json (line 4)",
      message: "the key \"name\" stands twice"),
  ]

  @Test(arguments: faults)
  func aFaultIsNamedWithItsKeyAndLine(fault: Fault) throws {
    #expect(fault.text.contains(fault.old))
    let error = #expect(throws: PolicyError.self) {
      try ExamplePolicy.specification(fault.text, replacing: fault.old, with: fault.new)
    }
    #expect(error?.subject == fault.subject)
    #expect(error?.message == fault.message)
    #expect(error?.code == fault.code)
  }

  @Test func aStateNeedsProprioception() throws {
    let text = ExamplePolicy.pickAndPlace.replacing("{instruction}", with: "{instruction} {state}")
    let error = #expect(throws: PolicyError.self) { try ExamplePolicy.specification(text) }
    #expect(error?.subject == "prompt.template (line 3)")
  }

  /// Cutting, doubling and flipping bytes must end in an error or a policy, never in a trap.
  @Test func damagedFilesAreErrors() {
    var random = SeededGenerator(seed: 11)
    var accepted = 0
    let original = Array(ExamplePolicy.delta.utf8)
    for _ in 0..<3_000 {
      var bytes = original
      for _ in 0...Int.random(in: 0...2, using: &random) {
        let index = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes.remove(at: index)
        case 1: bytes[index] = UInt8.random(in: 0...255, using: &random)
        case 2: bytes.insert(bytes[Int.random(in: 0..<bytes.count, using: &random)], at: index)
        default: bytes.removeSubrange(index..<min(bytes.count, index + 40))
        }
      }
      if (try? PolicySpecification(json: bytes)) != nil { accepted += 1 }
    }
    #expect(accepted > 50 && accepted < 1_500, "\(accepted)")
  }
}
