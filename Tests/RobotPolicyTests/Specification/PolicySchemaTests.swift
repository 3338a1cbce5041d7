import Foundation
import RobotPolicy
import Testing

/// The published schema and the decoder must know the same keys.
@Suite("policy.schema.json")
struct PolicySchemaTests {
  let schema: JSONNode

  init() throws {
    let repository = (0..<4).reduce(URL(filePath: #filePath)) { url, _ in url.deletingLastPathComponent() }
    let data = try Data(contentsOf: repository.appending(path: "Policies/policy.schema.json"))
    schema = try JSONParser.parse([UInt8](data), name: "policy.schema.json")
  }

  func properties(_ definition: String?) -> Set<String> {
    let node = definition.map { schema["$defs"]?[$0] } ?? schema
    return Set(node?["properties"]?.keys ?? [])
  }

  func keys<Keys>(_ type: Keys.Type) -> Set<String> where Keys: CaseIterable & RawRepresentable<String> {
    Set(type.allCases.map(\.rawValue))
  }

  @Test func objectsHaveTheDecodersKeys() {
    #expect(properties(nil) == keys(PolicySpecification.CodingKeys.self))
    #expect(
      Set(schema["properties"]?["prompt"]?["properties"]?.keys ?? [])
        == keys(PolicySpecification.Prompt.CodingKeys.self))
    #expect(properties("camera") == keys(PolicySpecification.Camera.CodingKeys.self))
    #expect(properties("audio") == keys(PolicySpecification.Audio.CodingKeys.self))
    #expect(properties("quantity") == keys(PolicySpecification.Quantity.CodingKeys.self))
    #expect(properties("dimension") == keys(ContinuousActionSpace.Dimension.CodingKeys.self))
    #expect(properties("dimension_limits") == keys(ContinuousActionSpace.Dimension.Limits.CodingKeys.self))
    for space in ActionSpaceRegistry.spaces {
      #expect(properties(space.type) == Set(space.keys + [ActionSpaceRegistry.typeKey]))
    }
    #expect(properties("control") == keys(PolicySpecification.Control.CodingKeys.self))
    #expect(properties("limits") == keys(PolicySpecification.Limits.CodingKeys.self))
    #expect(properties("workspace") == keys(PolicySpecification.Limits.Workspace.CodingKeys.self))
  }

  @Test func unknownKeysAreForbiddenEverywhere() {
    for definition in schema["$defs"]?.keys ?? [] {
      guard let node = schema["$defs"]?[definition], node["properties"] != nil else { continue }
      #expect(node["additionalProperties"]?.summary == "false", "\(definition)")
    }
    #expect(schema["additionalProperties"]?.summary == "false")
  }

  func value(_ node: JSONNode?) -> Double? {
    guard let node, case .number(let number) = node.value else { return nil }
    return number
  }

  @Test func boundsAreTheDecoders() {
    let definitions = schema["$defs"]
    #expect(value(definitions?["number"]?["minimum"]) == -JSONField.largestNumber)
    #expect(value(definitions?["number"]?["maximum"]) == JSONField.largestNumber)
    #expect(value(definitions?["bound"]?["maximum"]) == JSONField.largestNumber)
    #expect(value(definitions?["quantity"]?["properties"]?["tolerance"]?["maximum"]) == JSONField.largestNumber)
    let duration = definitions?["audio"]?["properties"]?["maximum_duration_s"]
    #expect(value(duration?["maximum"]) == PolicySpecification.Audio.longestDuration)
    let sentences = schema["properties"]?["instructions"]?["oneOf"]?[1]
    #expect(value(sentences?["maxItems"]) == Double(PolicySpecification.Instructions.maximumCount))
    #expect(value(sentences?["items"]?["maxLength"]) == Double(PolicySpecification.Instructions.maximumLength))
    #expect(schema["properties"]?["instructions"]?["oneOf"]?[0]?["const"]?.summary == "\"free\"")
    #expect(schema["properties"]?["limits"]?["oneOf"]?[0]?["const"]?.summary == "\"none\"")
  }

  func choices(_ node: JSONNode?) -> Set<String> {
    guard let node, case .array(let elements) = node.value else { return [] }
    return Set(elements.map { String($0.summary.dropFirst().dropLast()) })
  }

  @Test func choicesAreTheDecoders() {
    let definitions = schema["$defs"]
    #expect(
      choices(definitions?["dimension"]?["properties"]?["role"]?["enum"])
        == keys(ContinuousActionSpace.Dimension.Role.self))
    #expect(
      choices(definitions?["camera"]?["properties"]?["input"]?["enum"]) == keys(PolicySpecification.Camera.Input.self))
    #expect(
      choices(definitions?["continuous"]?["properties"]?["mode"]?["enum"])
        == keys(ContinuousActionSpace.Mode.self))
    #expect(
      choices(definitions?["continuous"]?["properties"]?["frame"]?["enum"])
        == keys(ContinuousActionSpace.Frame.self))
    #expect(
      choices(definitions?["control"]?["properties"]?["hold"]?["enum"]) == keys(PolicySpecification.Control.Hold.self))
  }
}
