import RobotInterface
import RobotPolicy
import Testing

@Suite("Prompts")
struct PromptTests {
  @Test func instructionAndStateTakeTheirPlaces() throws {
    let template = try PromptTemplate("{instruction} State: {state}")
    #expect(template.render(instruction: "Push it.", state: "<extra_id_200>") == "Push it. State: <extra_id_200>")
  }

  @Test func anInstructionIsNeverATemplate() throws {
    let template = try PromptTemplate("{state}|{instruction}")
    #expect(template.render(instruction: "{state} {instruction}", state: "S") == "S|{state} {instruction}")
  }

  @Test func stateIsWrittenInOrder() throws {
    let state = StateText(try ExamplePolicy.specification().proprioception)
    #expect(try state.render([0.03, 9, 0, 1]) == "<extra_id_729> <extra_id_1199> <extra_id_200> <extra_id_1199>")
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity])
  func aMeasurementThatIsNoNumberIsNamed(value: Double) throws {
    let state = StateText(try ExamplePolicy.specification().proprioception)
    let error = #expect(throws: RobotError.self) { try state.render([0, 0, value, 0]) }
    #expect(error?.code == .invalidProprioception)
    #expect(error?.subject == "observation.proprioception[2]")
    #expect(error?.message.contains("end_effector_z") == true)
  }

  @Test func aWrongCountIsRefused() throws {
    let state = StateText(try ExamplePolicy.specification().proprioception)
    #expect(throws: RobotError.self) { try state.render([0, 0, 0]) }
    #expect(throws: RobotError.self) { try state.render([]) }
  }

  @Test func promptImagesAreCountedBehindTheCamerasFrames() throws {
    let text = "Put <image_history_1> into <image_history_2>."
    #expect(try InstructionText.prepare(text, promptImages: 2, after: 0) == text)
    #expect(
      try InstructionText.prepare(text, promptImages: 2, after: 1) == "Put <image_history_2> into <image_history_3>.")
  }

  @Test(arguments: [
    "", "   ", "a\nb", "a\u{0}b", "see <image_history_3>", "see <image_history_0>", "see <image_history_x>",
    "see <image_history_",
  ])
  func otherInstructionsAreRefused(text: String) {
    let error = #expect(throws: RobotError.self) { try InstructionText.prepare(text, promptImages: 2, after: 1) }
    #expect(error?.code == .invalidInstruction)
  }

  @Test func anInstructionMayNotBeEndless() {
    let text = String(repeating: "a", count: 5_000)
    let error = #expect(throws: RobotError.self) { try InstructionText.prepare(text, promptImages: 0, after: 0) }
    #expect(error?.code == .invalidInstruction)
  }
}
