import RobotInterface

extension Capabilities {
  /// - Throws: `.malformed` for more consumed actions than a chunk has: what the robot may still execute would not count.
  func check(_ observation: Observation) throws(RobotError) {
    guard (0...max(1, chunkLength)).contains(observation.actionsConsumed) else {
      throw RobotError(
        .malformed, "observation.actions_consumed",
        "\(observation.actionsConsumed) is more than the \(chunkLength) actions of a chunk; count those of the last chunk alone"
      )
    }
  }

  /// The last look at a policy's answer before it leaves: a robot was promised this shape, and finite numbers.
  ///
  /// - Throws: `.invalidAction` naming the action at fault.
  func check(_ chunk: ActionChunk, for observation: Observation) throws(RobotError) {
    guard chunk.observationSequence == observation.sequence, chunk.capturedAt == observation.capturedAt else {
      throw RobotError(.invalidAction, "action_chunk", "the policy answered another observation")
    }
    guard (1...max(1, chunkLength)).contains(chunk.actions.count) else {
      throw RobotError(
        .invalidAction, "action_chunk.actions", "\(chunk.actions.count) actions, expected 1 to \(chunkLength)")
    }
    for (index, action) in chunk.actions.enumerated() {
      guard action.values.count == actions.count, action.values.allSatisfy(\.isFinite) else {
        throw RobotError(
          .invalidAction, "action_chunk.actions[\(index)]",
          "expected \(actions.count) finite numbers, found \(action.values)")
      }
    }
    guard chunk.confidence >= 0, chunk.confidence <= 1 else {
      throw RobotError(.invalidAction, "action_chunk.confidence", "\(chunk.confidence) is not in 0...1")
    }
  }
}
