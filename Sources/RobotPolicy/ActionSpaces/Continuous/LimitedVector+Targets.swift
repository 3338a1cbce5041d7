import RobotInterface

/// Positions to go to.
extension LimitedVector {
  /// Limits the targets of a chunk.
  ///
  /// - Parameters:
  ///   - actions: inside their ranges.
  ///   - measured: of this vector.
  ///   - pending: earlier commands that the robot may still execute; see ``SafetyEnvelope``.
  /// - Throws: ``RobotError`` `.invalidAction` when no target could satisfy the limits.
  func limitTargets(of actions: inout [Action], measured: [Double], pending: PendingActions) throws(RobotError) {
    let starts = starts(from: measured, after: pending)
    var last: [[Double]] = []
    for index in actions.indices {
      clampToBounds(&actions[index])
      let begins = starts[index] ?? []
      // Beyond where the robot was measured the first has pending commands to come from, and any later one nothing else.
      let waits = begins.count > (index == 0 ? 1 : 0)
      try approach(&actions[index], at: index, from: last + begins, measured: measured, waits: waits)
      last = [values(of: actions[index])]
    }
  }

  /// Everywhere the robot may come from when it begins the chunk, by the action with which it does.
  private func starts(from measured: [Double], after pending: PendingActions) -> [Int: [[Double]]] {
    var starts = [0: [measured]]
    for sequence in pending.sequences {
      for (index, action) in sequence.enumerated() {
        starts[pending.skipsExecuted ? index + 1 : 0, default: []].append(values(of: action))
      }
    }
    return starts
  }

  private func clampToBounds(_ action: inout Action) {
    for component in components {
      for bound in component.bounds {
        // The specification has seen to it that range and bounds have something in common.
        let clamped = clamp(action.values[component.index], to: component.range.clamped(to: bound.range))
        guard clamped != action.values[component.index] else { continue }
        action.values[component.index] = clamped
        action.limited.insert(bound.flag)
      }
    }
  }

  private func rules(from origins: [[Double]], measured: [Double]) -> [Rule] {
    var rules: [Rule] = []
    if maximumLength != nil {
      rules.append(
        Rule(flag: lengthFlag) { point in origins.allSatisfy { isShort(difference(from: $0, to: point)) } })
    }
    if components.contains(where: { $0.maximumStep != nil }) {
      rules.append(Rule(flag: .rate) { point in origins.allSatisfy { isSlow(difference(from: $0, to: point)) } })
    }
    if maximumDistance != nil || components.contains(where: { $0.maximumJump != nil }) {
      rules.append(Rule(flag: .jump) { point in isNear(measured, point) })
    }
    return rules
  }

  private func isNear(_ measured: [Double], _ point: [Double]) -> Bool {
    let way = difference(from: measured, to: point)
    if let maximumDistance, length(way) > maximumDistance { return false }
    return zip(components, way).allSatisfy { component, value in
      component.maximumJump.map { abs(value) <= $0 } ?? true
    }
  }

  /// Moves the target towards the allowed place that is nearest to where the robot comes from, until it is safe.
  ///
  /// - Parameter origins: everywhere the robot may come from.
  private func approach(
    _ action: inout Action, at index: Int, from origins: [[Double]], measured: [Double], waits: Bool
  ) throws(RobotError) {
    let rules = rules(from: origins, measured: measured)
    let isSafe = { (point: [Double]) in rules.allSatisfy { $0.holds(point) } }
    let target = values(of: action)
    guard !isSafe(target) else { return }
    let allowed = components.map { component in
      component.bounds.reduce(component.range) { $0.clamped(to: $1.range) }
    }
    let anchor = zip(middle(of: origins), allowed).map { bring($0, into: $1) }
    guard isSafe(anchor) else { throw outOfReach(at: index, waits: waits) }
    for rule in rules where !rule.holds(target) { action.limited.insert(rule.flag) }
    let way = difference(from: anchor, to: target)
    let point = { (fraction: Double) in
      zip(zip(anchor, way), allowed).map { bring($0.0 + $0.1 * fraction, into: $1) }
    }
    set(point(largestFraction { isSafe(point($0)) }), in: &action)
  }

  /// The middle of the box around some places: the one place that is nearest to all of them when they lie on a line.
  private func middle(of places: [[Double]]) -> [Double] {
    components.indices.map { axis in
      let first = places[0][axis]
      let ways = places.map { difference(from: first, to: $0[axis]) }
      return first + ((ways.min() ?? 0) / 2 + (ways.max() ?? 0) / 2)
    }
  }

  private func bring(_ value: Double, into range: ClosedRange<Double>) -> Double {
    isAngular ? wrap(value, into: range) : clamp(value, to: range)
  }

  private func outOfReach(at index: Int, waits: Bool) -> RobotError {
    let names = components.map(\.name).joined(separator: ", ")
    let message =
      waits
      ? "no command for \(names) is within the limits of all those that the robot may still execute; observe again "
        + "when they are done, and report them in actions_consumed"
      : "\(names): measured too far outside the allowed positions to get back within the limits of rate and jump; "
        + "bring the robot back by other means"
    return RobotError(.invalidAction, "actions[\(index)]", message)
  }
}

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
