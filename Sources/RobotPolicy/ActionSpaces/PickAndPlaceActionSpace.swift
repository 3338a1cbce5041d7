public import RobotInterface
import UnifiedIO

/// Steps that pick and place, or push, by positions on a table: the action space of the Unified-IO 2 paper on VIMA-Bench.
///
/// An action has six values: x and y in metres in the base frame and a rotation about the vertical in radians, 0...2π, where it
/// begins, then the same where it ends. Its primitive says which of the two it is.
public struct PickAndPlaceActionSpace: ActionCoding {
  /// `pick_x`, `pick_y`, `pick_rotation`, `place_x`, `place_y`, `place_rotation`.
  public let quantities: [Capabilities.Quantity]
  /// Steps in an answer.
  public let maximumActions: Int
  private let codecs: [LocationCodec]

  /// - Parameter specification: from a `policy.json`.
  public init(_ specification: PolicySpecification.PickAndPlace) {
    maximumActions = specification.maximumSteps
    let turn = 0...(2 * Double.pi)
    codecs = [specification.x, specification.y, turn].map { LocationCodec(range: $0) }
    quantities = ["pick", "place"].flatMap { end in
      [("x", "m", specification.x), ("y", "m", specification.y), ("rotation", "rad", turn)].map { name, unit, range in
        Capabilities.Quantity(
          name: "\(end)_\(name)", unit: unit, minimum: range.lowerBound, maximum: range.upperBound)
      }
    }
  }

  /// The grammar of the sentences.
  public func grammar(for tokenizer: some TextTokenizing) throws(PolicyError) -> any ActionGrammar {
    Grammar(space: self, sentences: try SentenceGrammar(tokenizer: tokenizer, maximumSteps: maximumActions))
  }

  /// The command that a step stands for.
  public func action(of step: PickAndPlaceStep) -> Action {
    let bins = step.from.bins + step.to.bins
    let values = bins.enumerated().map { codecs[$0.offset % 3].value(of: $0.element) }
    return Action(values: values, primitive: step.primitive.rawValue)
  }

  /// The step that comes closest to a command: the inverse of ``action(of:)``.
  ///
  /// - Parameter action: positions outside the range are clipped; rotations are taken modulo one turn.
  /// - Throws: ``RobotError`` `.invalidAction` for an unknown primitive, a wrong count, NaN or infinity.
  public func step(of action: Action) throws(RobotError) -> PickAndPlaceStep {
    guard let primitive = PickAndPlaceStep.Primitive(rawValue: action.primitive) else {
      throw .invalidAnswer("expected pick_and_place or push, found \"\(action.primitive)\"")
    }
    guard action.values.count == quantities.count else {
      throw .invalidAnswer("expected \(quantities.count) values, found \(action.values.count)")
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
