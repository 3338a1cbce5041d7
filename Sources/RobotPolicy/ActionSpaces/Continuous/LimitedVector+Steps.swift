import RobotInterface

/// Steps from where the robot is.
extension LimitedVector {
  /// More places than this are replaced by the corners of the box around them.
  private static let maximumPlaces = 256

  /// Limits the steps of a chunk.
  ///
  /// - Parameters:
  ///   - actions: inside their ranges.
  ///   - measured: of this vector.
  ///   - pending: earlier commands that the robot may still execute; see ``SafetyEnvelope``.
  func limitSteps(of actions: inout [Action], measured: [Double], pending: PendingActions) {
    let origin = normalized(measured)
    let starts = starts(from: origin, after: pending)
    var places: [[Double]] = []
    for index in actions.indices {
      if let begins = starts[index] { places = bounded(places + begins) }
      for place in places { keepInside(&actions[index], from: place) }
      shorten(&actions[index], flag: lengthFlag, while: isShort)
      // Each rule asks for those before it again: rounding could break them by one unit in the last place.
      shorten(&actions[index], flag: .rate) { isShort($0) && isSlow($0) }
      shorten(&actions[index], flag: .jump) { step in
        isShort(step) && isSlow(step) && places.allSatisfy { isNear(origin, $0, step) }
      }
      let step = values(of: actions[index])
      places = places.map { sum($0, step) }
    }
  }

  /// Everywhere the robot may be when it begins the chunk, by the action with which it does: where it was measured, and
  /// where earlier commands may have led it since.
  private func starts(from measured: [Double], after pending: PendingActions) -> [Int: [[Double]]] {
    var starts = [0: [measured]]
    for sequence in pending.sequences {
      var place = measured
      for (index, action) in sequence.enumerated() {
        place = sum(place, values(of: action))
        starts[pending.skipsExecuted ? index + 1 : 0, default: []].append(place)
      }
    }
    return starts
  }

  /// The places, or the corners of the box around them when they are many: every limit is convex, so that what holds
  /// there holds inside of it.
  private func bounded(_ places: [[Double]]) -> [[Double]] {
    places.count > Self.maximumPlaces ? corners(of: places) : places
  }

  /// Angles as close to the middle of their bounds as whole turns allow.
  private func normalized(_ measured: [Double]) -> [Double] {
    guard isAngular else { return measured }
    return zip(components, measured).map { component, angle in
      guard let range = component.bounds.first?.range else { return angle }
      let middle = range.lowerBound / 2 + range.upperBound / 2
      return abs(angle - middle) <= .pi ? angle : middle + shortWay(from: middle, to: angle)
    }
  }

  /// Whether a step from a place leads no farther from the measured position than allowed, or than the place itself
  /// lies.
  private func isNear(_ origin: [Double], _ place: [Double], _ step: [Double]) -> Bool {
    let end = sum(place, step)
    if let maximumDistance, distance(end, origin) > max(maximumDistance, distance(place, origin)) { return false }
    for (axis, component) in components.enumerated() {
      guard let maximum = component.maximumJump else { continue }
      if abs(end[axis] - origin[axis]) > max(maximum, abs(place[axis] - origin[axis])) { return false }
    }
    return true
  }

  /// Shortens the vector until a condition on it holds.
  ///
  /// - Parameter holds: true for zeros.
  private func shorten(_ action: inout Action, flag: LimitFlags, while holds: ([Double]) -> Bool) {
    let vector = values(of: action)
    guard !holds(vector) else { return }
    let fraction = largestFraction { fraction in holds(vector.map { $0 * fraction }) }
    set(vector.map { $0 * fraction }, in: &action)
    action.limited.insert(flag)
  }

  /// Shortens each value until its end lies in its bounds or, for a robot outside, no farther from them than its
  /// beginning.
  private func keepInside(_ action: inout Action, from place: [Double]) {
    for (axis, component) in components.enumerated() {
      let start = place[axis]
      for bound in component.bounds {
        let allowed = min(bound.range.lowerBound, start)...max(bound.range.upperBound, start)
        let delta = action.values[component.index]
        guard !allowed.contains(start + delta) else { continue }
        let rest = (delta > 0 ? allowed.upperBound : allowed.lowerBound) - start
        // The difference may round beyond the border.
        let fraction = largestFraction { allowed.contains(start + rest * $0) }
        action.values[component.index] = rest * fraction
        action.limited.insert(bound.flag)
      }
    }
  }
}

private func sum(_ a: [Double], _ b: [Double]) -> [Double] { zip(a, b).map { $0 + $1 } }
