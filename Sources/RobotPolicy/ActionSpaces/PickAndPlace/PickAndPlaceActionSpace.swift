package import RobotInterface
import UnifiedIO

/// Steps that pick and place, or push, by positions on a table: the action space of the Unified-IO 2 paper on
/// VIMA-Bench.
///
/// All of them follow from one observation. An action has six values: x and y in metres in the base frame and a
/// rotation about the vertical in radians, 0...2π, where it begins, then the same where it ends. Its primitive says
/// which of the two it is.
package struct PickAndPlaceActionSpace: ActionSpace {
  /// The value of `action_space.type`.
  package static let type = "pick_and_place"
  /// The keys of `action_space` beside `type`.
  package static let keys = CodingKeys.allCases.map(\.rawValue)

  /// Steps in an answer at most, 1...16.
  package let maximumSteps: Int
  /// Metres in the base frame.
  package let x: ClosedRange<Double>
  /// Metres in the base frame.
  package let y: ClosedRange<Double>

  package enum CodingKeys: String, CodingKey, CaseIterable {
    case maximumSteps = "maximum_steps"
    case x, y
  }

  /// Reads the keys of `action_space`.
  package init(_ field: JSONField) throws(PolicyError) {
    let object = try field.object(CodingKeys.self)
    maximumSteps = try object.required(.maximumSteps).integer(in: 1...16)
    x = try object.required(.x).range()
    y = try object.required(.y).range()
  }

  private static let turn = 0...(2 * Double.pi)

  // MARK: What robots are told

  /// `pick_x`, `pick_y`, `pick_rotation`, `place_x`, `place_y`, `place_rotation`.
  package var quantities: [Capabilities.Quantity] {
    ["pick", "place"].flatMap { end in
      [("x", "m", x), ("y", "m", y), ("rotation", "rad", Self.turn)].map { name, unit, range in
        Capabilities.Quantity(
          name: "\(end)_\(name)", unit: unit, minimum: range.lowerBound, maximum: range.upperBound)
      }
    }
  }

  /// None: the workspace is the one limit.
  package var dimensionLimits: [Capabilities.DimensionLimits] { [] }
  /// None: what the workspace does not bound is an angle, which has a whole turn.
  package var unlimitedDimensions: [String] { [] }
  /// Steps in an answer.
  package var maximumActions: Int { maximumSteps }
  /// The base's.
  package var frameName: String { "base" }
  /// The same as the type.
  package var modeName: String { Self.type }
  /// A robot that is told nothing moves by nothing.
  package var hold: PolicySpecification.Control.Hold { .zero }
  /// For messages.
  package var commandName: String { Self.type }

  // MARK: Coding

  /// The grammar of the sentences.
  package func grammar(for tokenizer: some TextTokenizing) throws(PolicyError) -> any ActionGrammar {
    Grammar(space: self, sentences: try SentenceGrammar(tokenizer: tokenizer, maximumSteps: maximumActions))
  }

  /// The command that a step stands for.
  package func action(of step: PickAndPlaceStep) -> Action {
    let bins = step.from.bins + step.to.bins
    let codecs = codecs
    let values = bins.enumerated().map { codecs[$0.offset % 3].value(of: $0.element) }
    return Action(values: values, primitive: step.primitive.rawValue)
  }

  /// The step that comes closest to a command: the inverse of ``action(of:)``.
  ///
  /// - Parameter action: positions outside the range are clipped; rotations are taken modulo one turn.
  /// - Throws: ``RobotError`` `.invalidAction` for an unknown primitive, a wrong count, NaN or infinity.
  package func step(of action: Action) throws(RobotError) -> PickAndPlaceStep {
    guard let primitive = PickAndPlaceStep.Primitive(rawValue: action.primitive) else {
      throw .invalidAnswer("expected pick_and_place or push, found \"\(action.primitive)\"")
    }
    let codecs = codecs
    guard action.values.count == 2 * codecs.count else {
      throw .invalidAnswer("expected \(2 * codecs.count) values, found \(action.values.count)")
    }
    var bins: [Int] = []
    for (index, value) in action.values.enumerated() {
      // A whole turn keeps its own bin, so that reading and writing mirror each other.
      let isTurn = index % 3 == 2 && !(0...2 * Double.pi).contains(value)
      let reduced = isTurn ? value - 2 * .pi * (value / (2 * .pi)).rounded(.down) : value
      guard let bin = codecs[index % 3].bin(of: reduced) else {
        throw .invalidAnswer("expected finite values, found \(value)")
      }
      bins.append(bin)
    }
    return PickAndPlaceStep(
      primitive, from: .init(x: bins[0], y: bins[1], rotation: bins[2]),
      to: .init(x: bins[3], y: bins[4], rotation: bins[5]))
  }

  /// Of x, y and the rotation, at both ends.
  private var codecs: [LocationCodec] { [x, y, Self.turn].map { LocationCodec(range: $0) } }

  private struct Grammar: ActionGrammar {
    let space: PickAndPlaceActionSpace
    let sentences: SentenceGrammar

    var maximumTokens: Int { sentences.maximumTokens }

    func choice(after tokens: [Int32]) -> TokenChoice { sentences.choice(after: tokens) }

    func actions(from tokens: [Int32]) throws(RobotError) -> [Action] {
      try sentences.steps(from: tokens).map(space.action)
    }
  }
}
