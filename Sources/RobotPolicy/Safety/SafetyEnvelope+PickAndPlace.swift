import RobotInterface

extension SafetyEnvelope {
  /// Limits positions on a table; rotations have only their range.
  func limitTargets(_ actions: [Action]) -> [Action] {
    actions.map { action in
      var action = action
      clampToRanges(&action)
      guard let workspace else { return action }
      for (index, axis) in [(0, 0), (1, 1), (3, 0), (4, 1)] {
        let allowed = ranges[index].clamped(to: workspace[axis])
        guard !allowed.contains(action.values[index]) else { continue }
        action.values[index] = min(max(action.values[index], allowed.lowerBound), allowed.upperBound)
        action.limited.insert(.workspace)
      }
      return action
    }
  }
}
