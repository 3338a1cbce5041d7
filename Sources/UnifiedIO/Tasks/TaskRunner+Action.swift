/// Numbers of an action and the words before them, e.g. `1: pick from (` and three numbers.
public struct ActionGroup: Sendable, Hashable {
  /// Between the group before and this one.
  public var words: String
  /// Consecutive locations, each in 0...1. What they mean is the robot's business: see `RobotPolicy`.
  public var values: [Float]
  /// Geometric mean of the probabilities of the values' tokens, 0...1.
  public var score: Double
}

/// What a robot is to do next.
public struct ActionAnswer: Sendable, Hashable {
  /// In the order in which they were said.
  public var groups: [ActionGroup]
  /// What they were read from.
  public var answer: TextAnswer
}

/// Actions without a policy bundle: the model's numbers as they are.
extension TaskRunner {
  /// Asks for the next action; at most 256 tokens.
  ///
  /// The release did not publish its action prompts, so the instruction is said as it is, and a policy that was trained with a
  /// wording of its own is run by `RobotPolicy`, which also knows units and limits.
  ///
  /// - Parameters:
  ///   - input: the instruction with the current picture and earlier ones.
  ///   - state: numbers in 0...1 that are said behind the instruction as location tokens.
  /// - Throws: ``ModelError`` `.invalidInput` for a state outside 0...1.
  public func act(
    on input: TaskInput, state: [Float] = [], settings: TaskSettings = TaskSettings()
  ) throws(ModelError) -> ActionAnswer {
    guard state.allSatisfy({ $0 >= 0 && $0 <= 1 }) else {
      throw ModelError(.invalidInput, "state", "must be numbers between 0 and 1, found \(state)")
    }
    var input = input
    if !state.isEmpty { input.prompt += " State: " + LocationText.text(values: state) }
    let answer = try answer(input, as: .action, settings)
    let groups = tokenizer.locationRuns(in: answer.generation.tokens).map { run in
      ActionGroup(
        words: tokenizer.decode(Array(run.wordsBefore)), values: run.values,
        score: answer.generation.score(of: run.places))
    }
    return ActionAnswer(groups: groups, answer: answer)
  }
}
