import Foundation
import RobotInterface
import RobotPolicy
import Testing

/// The table's Python (`Envs/tabletop`) says and reads the same sentences; its tests read the same file.
@Suite("Sentences shared with the table")
struct SharedSentenceTests {
  private struct Cases: Decodable {
    struct Said: Decodable {
      struct Move: Decodable {
        let primitive: String
        let meant: [Double]
        let executed: [Double]
      }
      let sentence: String
      let moves: [Move]
    }
    let said: [Said]
    let refused: [String]
  }

  private let cases: Cases
  private let space: PickAndPlaceActionSpace

  init() throws {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../Envs/tests")
    cases = try JSONDecoder().decode(Cases.self, from: Data(contentsOf: tests.appending(path: "sentences.json")))
    space = try #require(
      try ExamplePolicy.specification(ExamplePolicy.pickAndPlace).actionSpace as? PickAndPlaceActionSpace)
  }

  @Test func whatIsMeantIsSaidAndExecutedAlike() throws {
    #expect(cases.said.count >= 7)
    for said in cases.said {
      let steps = try said.moves.map { move in
        try space.step(of: Action(values: move.meant, primitive: move.primitive))
      }
      #expect(PickAndPlaceSentence.text(of: steps) == said.sentence)
      let actions = try PickAndPlaceSentence.parse(said.sentence).map(space.action)
      #expect(actions.map(\.primitive) == said.moves.map(\.primitive))
      for (action, move) in zip(actions, said.moves) {
        #expect(zip(action.values, move.executed).allSatisfy { abs($0 - $1) < 1e-12 })
      }
    }
  }

  @Test func whatOneSideRefusesTheOtherRefuses() {
    #expect(cases.refused.count >= 10)
    for text in cases.refused {
      #expect(throws: RobotError.self) { try PickAndPlaceSentence.parse(text) }
    }
  }
}
