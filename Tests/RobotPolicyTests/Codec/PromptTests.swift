import RobotInterface
import RobotPolicy
import Testing
import UnifiedIO

@Suite("Prompts")
struct PromptTests {
  @Test func instructionAndStateTakeTheirPlaces() throws {
    let template = try PromptTemplate("{instruction} State: {state}")
    let prompt = template.render(instruction: [.words("Push it.")], state: "<extra_id_200>")
    #expect(prompt.parts == [.words("Push it."), .markup(" State: "), .markup("<extra_id_200>")])
    #expect(prompt.text == "Push it. State: <extra_id_200>")
  }

  @Test func anInstructionIsNeverATemplate() throws {
    let template = try PromptTemplate("{state}|{instruction}")
    let prompt = template.render(instruction: [.words("{state} {instruction}")], state: "S")
    #expect(prompt.text == "S|{state} {instruction}")
  }

  @Test func `the name of an image has a space before it`() throws {
    let image: [PromptText.Part] = [.markup("<image_history_1>"), .markup(" "), .words("first")]
    #expect(
      try PromptTemplate("Do:{instruction}").render(instruction: image, state: "").text == "Do: <image_history_1> first"
    )
    #expect(try PromptTemplate("{instruction}").render(instruction: image, state: "").text == "<image_history_1> first")
    #expect(
      try PromptTemplate("Do {instruction}").render(instruction: image, state: "").text == "Do <image_history_1> first")
  }

  @Test(arguments: [
    ("{instruction} State: {state}", "State: S"), ("Do {instruction} now: {state}", "Do now: S"),
    ("Do:{instruction} {state}", "Do: S"), ("{state} {instruction} end", "S end"), ("{instruction}{state}", "S"),
    ("{instruction}", ""), ("a {instruction}", "a "), ("{instruction}  {state}", " S"),
  ])
  func `no space is left where a sound says the instruction`(template: String, expected: String) throws {
    #expect(try PromptTemplate(template).render(instruction: [], state: "S").text == expected)
  }

  @Test func stateIsWrittenInOrder() throws {
    let state = StateText(try ExamplePolicy.specification().proprioception)
    #expect(try state.render([0.03, 1.03, 0, 1]) == "<extra_id_729> <extra_id_1199> <extra_id_200> <extra_id_1199>")
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity])
  func aMeasurementThatIsNoNumberIsNamed(value: Double) throws {
    let state = StateText(try ExamplePolicy.specification().proprioception)
    let error = #expect(throws: RobotError.self) { try state.render([0, 0.6, value, 0]) }
    #expect(error?.code == .invalidProprioception)
    #expect(error?.subject == "observation.proprioception[2]")
    #expect(error?.message.contains("end_effector_z") == true)
  }

  @Test func aWrongCountIsRefused() throws {
    let state = StateText(try ExamplePolicy.specification().proprioception)
    #expect(throws: RobotError.self) { try state.render([0, 0, 0]) }
    #expect(throws: RobotError.self) { try state.render([]) }
  }

  @Test(arguments: [
    (-0.6, true), (-0.6000001, false), (0.6, true), (0.61, false), (-9, false), (500, false), (1e308, false),
    (.infinity, false),
  ])
  func `a measured value farther outside its range than its tolerance is refused`(value: Double, accepted: Bool) throws
  {
    let state = StateText(try ExamplePolicy.specification().proprioception)
    guard !accepted else {
      #expect(throws: Never.self) { try state.render([value, 0.6, 0.1, 0]) }
      return
    }
    let error = #expect(throws: RobotError.self) { try state.render([value, 0.6, 0.1, 0]) }
    #expect(error?.code == .invalidProprioception)
    #expect(error?.subject == "observation.proprioception[0]")
    #expect(error?.message.contains("end_effector_x") == true)
    if value.isFinite { #expect(error?.message.contains("-0.5 to 0.5 m for end_effector_x, 0.1 more") == true) }
    if value == -9 { #expect(error?.message.contains("found -9;") == true) }
  }
}
