import RobotInterface
import RobotPolicy
import TestSupport
import Testing
import UnifiedIO

extension PickAndPlaceStep {
  static func random(using random: inout SeededGenerator) -> PickAndPlaceStep {
    func pose() -> Pose {
      func bin() -> Int { Int.random(in: 0..<1_000, using: &random) }
      return Pose(x: bin(), y: bin(), rotation: bin())
    }
    return PickAndPlaceStep(Bool.random(using: &random) ? .push : .pickAndPlace, from: pose(), to: pose())
  }
}

@Suite("Pick-and-place sentences")
struct PickAndPlaceSentenceTests {
  let example =
    "1: pick from ( <extra_id_200> <extra_id_201> <extra_id_202> ) and place to "
    + "( <extra_id_1199> <extra_id_300> <extra_id_400> ) 2: push from ( <extra_id_200> <extra_id_200> <extra_id_200> ) "
    + "and push to ( <extra_id_200> <extra_id_200> <extra_id_200> )"

  @Test func theSentencesOfThePaperAreRead() throws {
    let steps = try PickAndPlaceSentence.parse(example)
    #expect(steps.map(\.primitive) == [.pickAndPlace, .push])
    #expect(steps[0].from == .init(x: 0, y: 1, rotation: 2))
    #expect(steps[0].to == .init(x: 999, y: 100, rotation: 200))
    #expect(PickAndPlaceSentence.text(of: steps) == example)
  }

  @Test func whatIsWrittenIsReadBack() throws {
    var random = SeededGenerator(seed: 8)
    for count in 1...20 {
      let steps = (0..<count).map { _ in PickAndPlaceStep.random(using: &random) }
      #expect(try PickAndPlaceSentence.parse(PickAndPlaceSentence.text(of: steps)) == steps)
    }
  }

  @Test func everyTruncationIsAnError() {
    let words = example.split(separator: " ")
    for count in 0..<words.count where count != 16 {
      #expect(throws: RobotError.self) { try PickAndPlaceSentence.parse(words.prefix(count).joined(separator: " ")) }
    }
  }

  @Test(arguments: [
    ("1:", "2:"), ("2:", "1:"), ("2:", "3:"), ("pick", "push"), ("place", "push"), ("pick", "grab"),
    ("<extra_id_201>", "7"),
    ("<extra_id_201>", "<extra_id_199>"), ("<extra_id_201>", ""), (" )", ""), ("1: ", ""),
  ])
  func otherWordsAreErrors(old: String, new: String) {
    let error = #expect(throws: RobotError.self) {
      try PickAndPlaceSentence.parse(example.replacing(old, with: new, maxReplacements: 1))
    }
    #expect(error?.code == .invalidAction)
  }

  @Test func damagedSentencesAreErrorsOrStepsButNeverTraps() throws {
    var random = SeededGenerator(seed: 9)
    let words =
      example.split(separator: " ").map(String.init) + ["", "<extra_id_", "1199>", "9999999999999999999:", "(("]
    for _ in 0..<20_000 {
      var text = Array(example.split(separator: " ").map(String.init))
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        text[Int.random(in: 0..<text.count, using: &random)] = words[Int.random(in: 0..<words.count, using: &random)]
      }
      let sentence = text.joined(separator: " ")
      if let steps = try? PickAndPlaceSentence.parse(sentence) {
        #expect(PickAndPlaceSentence.text(of: steps).split(separator: " ") == sentence.split(separator: " "))
      }
    }
    for _ in 0..<5_000 {
      let scalars = (0..<40).map { _ in Character(UnicodeScalar(UInt8.random(in: 0...255, using: &random))) }
      #expect(throws: RobotError.self) { try PickAndPlaceSentence.parse(String(scalars)) }
    }
  }
}

@Suite("Pick-and-place actions")
struct PickAndPlaceActionSpaceTests {
  let space: PickAndPlaceActionSpace

  init() throws {
    space = try #require(
      try ExamplePolicy.specification(ExamplePolicy.pickAndPlace).actionSpace as? PickAndPlaceActionSpace)
  }

  @Test func binsAreMetresAndRadians() throws {
    let step = PickAndPlaceStep(.push, from: .init(x: 0, y: 999, rotation: 999), to: .init(x: 999, y: 0, rotation: 0))
    let action = space.action(of: step)
    #expect(action.values == [0.25, 0.5, 2 * .pi, 0.75, -0.5, 0])
    #expect(action.primitive == "push")
    #expect(space.quantities.map(\.unit) == ["m", "m", "rad", "m", "m", "rad"])
    // A step along x is half a millimetre, as the paper's 0.5 m in 1000 bins.
    let next = space.action(of: PickAndPlaceStep(.push, from: .init(x: 1, y: 0, rotation: 0), to: step.to))
    #expect(abs(next.values[0] - 0.25 - 0.5 / 999) < 1e-15)
  }

  @Test func stepsComeBackAsTheyWere() throws {
    var random = SeededGenerator(seed: 10)
    for _ in 0..<2_000 {
      let step = PickAndPlaceStep.random(using: &random)
      #expect(try space.step(of: space.action(of: step)) == step)
    }
  }

  @Test func rotationsAreTakenModuloOneTurn() throws {
    let action = Action(values: [0.5, 0, -.pi / 2, 0.5, 0, 5 * .pi], primitive: "pick_and_place")
    let step = try space.step(of: action)
    #expect(step.from.rotation == 749)
    #expect(step.to.rotation == 500)
    #expect(throws: RobotError.self) { try space.step(of: Action(values: [.nan, 0, 0, 0, 0, 0], primitive: "push")) }
    #expect(throws: RobotError.self) {
      try space.step(of: Action(values: [0, 0, .infinity, 0, 0, 0], primitive: "push"))
    }
  }
}
