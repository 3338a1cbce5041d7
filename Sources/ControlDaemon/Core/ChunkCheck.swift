import RobotInterface

extension Capabilities {
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
