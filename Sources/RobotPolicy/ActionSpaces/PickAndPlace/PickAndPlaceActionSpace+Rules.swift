import RobotInterface

/// The rules between a pick-and-place space and the rest of its policy.
extension PickAndPlaceActionSpace {
  package func inconsistency(in policy: PolicySpecification) -> Inconsistency? {
    if let key = policy.limits.declared.first(where: { $0 != .workspace }) {
      let message = "expected no such limit: a pick_and_place answer says where to go, not how to get there"
      return Inconsistency("limits.\(key.rawValue)", message)
    }
    guard let workspace = policy.limits.workspace else { return nil }
    if workspace.x.overlaps(x), workspace.y.overlaps(y) { return nil }
    return Inconsistency("limits.workspace", "expected a box that overlaps the action space's x and y")
  }

  package func limiter(in policy: PolicySpecification) -> any ActionLimiter {
    Limiter(ranges: quantities.map { $0.minimum...$0.maximum }, workspace: policy.limits.workspace)
  }

  package func motion(in policy: PolicySpecification) -> any ActionMotion { Motion() }

  /// Keeps positions on the table; rotations have only their range.
  private struct Limiter: ActionLimiter {
    let ranges: [ClosedRange<Double>]
    let workspace: PolicySpecification.Limits.Workspace?

    /// What the robot still does is of no matter: a target is the same from wherever it is approached.
    func limit(_ actions: [Action], proprioception: [Double], pending: PendingActions) throws(RobotError) -> [Action] {
      actions.map { action in
        var action = action
        action.clamp(to: ranges)
        guard let workspace else { return action }
        for (index, side) in [(0, workspace.x), (1, workspace.y), (3, workspace.x), (4, workspace.y)] {
          let allowed = ranges[index].clamped(to: side)
          guard !allowed.contains(action.values[index]) else { continue }
          action.values[index] = clamp(action.values[index], to: allowed)
          action.limited.insert(.workspace)
        }
        return action
      }
    }
  }

  /// A robot that picks and places moves, whatever the numbers.
  private struct Motion: ActionMotion {
    func moves(_ actions: [Action], proprioception: [Double], last: Action?) -> Bool { !actions.isEmpty }
  }
}
