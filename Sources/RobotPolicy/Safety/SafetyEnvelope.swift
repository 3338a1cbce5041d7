public import RobotInterface

/// Keeps every command of a chunk inside the limits of its policy, in physical units.
///
/// The commands that come out satisfy all limits at once: every limit is a convex set that standing still lies in, and a command
/// that breaks one is shortened towards standing still, so that a vector keeps its direction; only ranges, positions
/// and the workspace are kept by clamping each value, so that the end effector slides along a wall. A command that was
/// inside comes out bit for bit as it went in.
///
/// Positions are those that the commands lead to: the measured position plus the sum of the deltas, or the absolute
/// targets. When a value is measured outside its positions, deltas may take it back or leave it where it is, never
/// farther away; an absolute target must lie in them, so it is refused when they are out of reach.
///
/// ## Commands that the robot may still execute
///
/// A robot that asks for the next chunk while it executes the last one is not where it was measured when the new chunk
/// begins. The caller names these `pending` commands as sequences, of which the robot may execute any one, or the
/// beginning of any one, between the measurement and the new chunk:
///
/// - Deltas: the chunk is limited for every place to which they may lead, so that the robot stays inside wherever it
///   breaks off. From a place that lies outside a limit already, the chunk leads no farther out.
/// - Absolute commands: the first of the chunk keeps the rate limits from the measured value and from every pending
///   command. Where they lie too far apart for one command to be near all of them, the chunk is refused, and the robot
///   asks again when it has executed more.
///
/// So it is for a robot that begins the chunk with its first command. One that leaves out as many as it has executed of
/// the pending ones (``Observation/skipsExecuted``) goes on with the command after next where it has executed two. Then
/// command `i` is limited for where the first `i` pending ones lead, and for where the chunk itself leads from there.
public struct SafetyEnvelope: Sendable {
  /// Names of the values, for messages.
  private let names: [String]
  private let limiter: any ActionLimiter

  /// - Parameter specification: its action space, limits, control rate and proprioception are looked at.
  public init(_ specification: PolicySpecification) {
    names = specification.actionSpace.quantities.map(\.name)
    limiter = specification.actionSpace.limiter(in: specification)
  }

  /// Limits a chunk.
  ///
  /// - Parameters:
  ///   - actions: in the order in which they will be executed, one a control step.
  ///   - proprioception: what the robot measured when the chunk was asked for; order and units of the policy.
  ///   - pending: sequences of earlier commands that the robot may still execute before the chunk; see above.
  ///   - skipsExecuted: whether it then leaves out as many commands of the chunk as it has executed of them.
  /// - Returns: as many actions; those that were changed say by which limits.
  /// - Throws: ``RobotError`` `.invalidAction` for NaN, infinity or a wrong number of values, and when no command could satisfy the
  ///   limits; `.invalidProprioception` for a measured value that is missing or not finite.
  public func limit(
    _ actions: [Action], proprioception: [Double], pending: [[Action]] = [], skipsExecuted: Bool = false
  ) throws(RobotError) -> [Action] {
    try check(actions, "actions")
    for sequence in pending { try check(sequence, "pending actions") }
    return try limiter.limit(
      actions, proprioception: proprioception, pending: PendingActions(pending, skipsExecuted: skipsExecuted))
  }

  private func check(_ actions: [Action], _ subject: String) throws(RobotError) {
    for (index, action) in actions.enumerated() {
      guard action.values.count == names.count else {
        throw RobotError(
          .invalidAction, "\(subject)[\(index)]", "expected \(names.count) values, found \(action.values.count)")
      }
      for (value, name) in zip(action.values, names) where !value.isFinite {
        throw RobotError(.invalidAction, "\(subject)[\(index)].\(name)", "expected a finite number, found \(value)")
      }
    }
  }
}

extension Action {
  /// Clamps every value to its own range.
  mutating func clamp(to ranges: [ClosedRange<Double>]) {
    for (index, range) in ranges.enumerated() where !range.contains(values[index]) {
      values[index] = min(max(values[index], range.lowerBound), range.upperBound)
      limited.insert(.range)
    }
  }
}
