import RobotInterface

extension SafetyEnvelope {
  /// Limits steps from where the end effector is.
  func limitDeltas(
    _ actions: [Action], translation: Axes, rotation: Axes, measured: MeasuredEndEffector
  ) -> [Action] {
    let start = measured.position.map { position in translation.axis.map { position[$0] } }
    var position = start
    return actions.map { action in
      var action = action
      clampToRanges(&action)
      if let from = position {
        keepInsideWorkspace(&action, translation, from: from)
      }
      let isSlow = { (step: [Double]) in stepLength.map { length(step) <= $0 } ?? true }
      shorten(&action, translation.value, flag: .speed, while: isSlow)
      if let stepAngle {
        shorten(&action, rotation.value, flag: .rotationRate) { length($0) <= stepAngle }
      }
      if let maximumJump, let start, let from = position {
        // Asks for the speed again, which rounding could break by one unit in the last place.
        shorten(&action, translation.value, flag: .jump) { step in
          isSlow(step) && distance(sum(from, step), start) <= maximumJump
        }
      }
      position = position.map { sum($0, translation.value.map { action.values[$0] }) }
      return action
    }
  }

  /// Shortens some values together, so that they keep their direction, until a condition on them holds.
  ///
  /// - Parameter holds: true for zeros.
  private func shorten(_ action: inout Action, _ indices: [Int], flag: LimitFlags, while holds: ([Double]) -> Bool) {
    let vector = indices.map { action.values[$0] }
    guard !holds(vector) else { return }
    let fraction = largestFraction { fraction in holds(vector.map { $0 * fraction }) }
    for (index, component) in zip(indices, vector) { action.values[index] = component * fraction }
    action.limited.insert(flag)
  }

  /// Shortens each axis until its end lies in the box or, for an end effector outside, no farther from it than its beginning.
  private func keepInsideWorkspace(_ action: inout Action, _ translation: Axes, from: [Double]) {
    guard let workspace else { return }
    for (place, (index, axis)) in zip(translation.value, translation.axis).enumerated() {
      let box = workspace[axis]
      let allowed = min(box.lowerBound, from[place])...max(box.upperBound, from[place])
      let delta = action.values[index]
      guard !allowed.contains(from[place] + delta) else { continue }
      let border = delta > 0 ? allowed.upperBound : allowed.lowerBound
      let rest = border - from[place]
      // The difference may round beyond the border.
      let fraction = largestFraction { allowed.contains(from[place] + rest * $0) }
      action.values[index] = rest * fraction
      action.limited.insert(.workspace)
    }
  }
}

private func sum(_ a: [Double], _ b: [Double]) -> [Double] { zip(a, b).map { $0 + $1 } }
