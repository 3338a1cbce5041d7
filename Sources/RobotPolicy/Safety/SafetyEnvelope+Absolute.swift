import RobotInterface

extension SafetyEnvelope {
  /// Limits poses in the base frame.
  func limitPoses(
    _ actions: [Action], translation: Axes, rotation: Axes, measured: MeasuredEndEffector
  ) throws(RobotError) -> [Action] {
    let start = measured.position.map { position in translation.axis.map { position[$0] } }
    var position = start
    var angles = measured.rotation.map { angles in rotation.axis.map { angles[$0] } }
    var limited: [Action] = []
    for (index, original) in actions.enumerated() {
      var action = original
      clampToRanges(&action)
      clampToWorkspace(&action, translation)
      if let from = position, let start {
        let limits: [Limit] = [
          (.speed, { point in stepLength.map { distance(point, from) <= $0 } ?? true }),
          (.jump, { point in maximumJump.map { distance(point, start) <= $0 } ?? true }),
        ]
        try approach(&action, translation, from: from, index: index, limits: limits)
      }
      if let from = angles, let stepAngle {
        try turn(&action, rotation, from: from, stepAngle: stepAngle, index: index)
      }
      position = position.map { _ in translation.value.map { action.values[$0] } }
      angles = angles.map { _ in rotation.value.map { action.values[$0] } }
      limited.append(action)
    }
    return limited
  }

  /// Whether a position keeps a limit.
  private typealias Limit = (flag: LimitFlags, holds: ([Double]) -> Bool)

  private func clampToWorkspace(_ action: inout Action, _ translation: Axes) {
    guard let workspace else { return }
    for (index, axis) in zip(translation.value, translation.axis) {
      let clamped = clamp(action.values[index], to: allowedRange(index, workspace[axis]))
      guard clamped != action.values[index] else { continue }
      action.values[index] = clamped
      action.limited.insert(.workspace)
    }
  }

  /// The part of a value's range that lies in the workspace; the specification has seen to it that there is one.
  private func allowedRange(_ index: Int, _ workspace: ClosedRange<Double>) -> ClosedRange<Double> {
    ranges[index].clamped(to: workspace)
  }

  /// Moves the target towards the nearest allowed place to where the end effector comes from, until it is safe.
  private func approach(
    _ action: inout Action, _ translation: Axes, from: [Double], index: Int, limits: [Limit]
  ) throws(RobotError) {
    let isSafe = { (point: [Double]) in limits.allSatisfy { $0.holds(point) } }
    let target = translation.value.map { action.values[$0] }
    guard !isSafe(target) else { return }
    let allowed = zip(translation.value, translation.axis).map { value, axis in
      workspace.map { allowedRange(value, $0[axis]) } ?? ranges[value]
    }
    let anchor = zip(from, allowed).map { clamp($0, to: $1) }
    guard isSafe(anchor) else {
      throw RobotError(
        .invalidAction, "actions[\(index)]",
        "the end effector is too far outside its workspace to get back within the limits of speed and jump; "
          + "bring it back by other means")
    }
    for limit in limits where !limit.holds(target) { action.limited.insert(limit.flag) }
    let point = { (fraction: Double) in
      zip(zip(anchor, target), allowed).map { ends, range in
        clamp(ends.0 + (ends.1 - ends.0) * fraction, to: range)
      }
    }
    let fraction = largestFraction { isSafe(point($0)) }
    for (value, coordinate) in zip(translation.value, point(fraction)) { action.values[value] = coordinate }
  }

  /// Turns the short way round by at most `stepAngle`.
  private func turn(
    _ action: inout Action, _ rotation: Axes, from: [Double], stepAngle: Double, index: Int
  ) throws(RobotError) {
    let target = rotation.value.map { action.values[$0] }
    let isSafe = { (angles: [Double]) in length(zip(angles, from).map { shortWay(from: $1, to: $0) }) <= stepAngle }
    guard !isSafe(target) else { return }
    let anchor = zip(rotation.value, from).map { wrap($1, into: ranges[$0]) }
    guard isSafe(anchor) else {
      throw RobotError(
        .invalidAction, "actions[\(index)]",
        "the end effector is turned too far out of its range to get back within the limit of its rotation rate; "
          + "bring it back by other means")
    }
    let way = zip(anchor, target).map { shortWay(from: $0, to: $1) }
    let point = { (fraction: Double) in
      zip(rotation.value, zip(anchor, way)).map { value, path in
        wrap(path.0 + path.1 * fraction, into: self.ranges[value])
      }
    }
    let fraction = largestFraction { isSafe(point($0)) }
    for (value, angle) in zip(rotation.value, point(fraction)) { action.values[value] = angle }
    action.limited.insert(.rotationRate)
  }
}

private func clamp(_ value: Double, to range: ClosedRange<Double>) -> Double {
  min(max(value, range.lowerBound), range.upperBound)
}

/// The smaller of the two turns from one angle to another, -π...π.
func shortWay(from: Double, to: Double) -> Double { (to - from).remainder(dividingBy: 2 * .pi) }

/// The same angle, or the nearest one, inside a range.
private func wrap(_ angle: Double, into range: ClosedRange<Double>) -> Double {
  if range.contains(angle) { return angle }
  let turns = ((range.lowerBound - angle) / (2 * .pi)).rounded(.up)
  let turned = angle + turns * 2 * .pi
  if range.contains(turned) { return turned }
  // Not in the range at all: the border that is nearer on the circle.
  let isLow = abs(shortWay(from: angle, to: range.lowerBound)) <= abs(shortWay(from: angle, to: range.upperBound))
  return isLow ? range.lowerBound : range.upperBound
}
