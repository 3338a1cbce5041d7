public import RobotInterface

/// Keeps every command of a chunk inside the limits of its policy, in physical units.
///
/// The commands that come out satisfy all limits at once: every limit is a convex set that standing still lies in, and a command
/// that breaks one is shortened towards standing still, so that it keeps its direction; only ranges and the workspace are kept by
/// clamping each axis, so that the end effector slides along a wall. A command that was inside comes out bit for bit as it went in.
///
/// Positions are those that the commands lead to: measured position plus the sum of the deltas, or the absolute targets.
///
/// When the end effector is measured outside its workspace, deltas may take it towards the box or along it, never farther away;
/// an absolute target must lie in the box, so it is refused when the box is out of reach.
public struct SafetyEnvelope: Sendable {
  /// The limit that each value has of its own.
  let ranges: [ClosedRange<Double>]
  /// Names for messages, in the order of the values.
  let names: [String]
  let kind: Kind
  let workspace: [ClosedRange<Double>]?
  /// Metres in one control step.
  let stepLength: Double?
  /// Radians in one control step.
  let stepAngle: Double?
  /// Metres from the measured position.
  let maximumJump: Double?
  private let positionIndices: [Int]?
  private let rotationIndices: [Int]?

  /// Which values form the end effector's position and rotation.
  struct Axes: Sendable {
    /// Index of the value.
    var value: [Int]
    /// x, y, z as 0, 1, 2.
    var axis: [Int]
  }

  enum Kind: Sendable {
    case delta(translation: Axes, rotation: Axes)
    case absolute(translation: Axes, rotation: Axes)
    case pickAndPlace
  }

  /// What the robot measured of its end effector; `nil` where it did not.
  struct MeasuredEndEffector {
    /// x, y, z in the base frame, metres.
    var position: [Double]?
    /// Angles about x, y, z, radians.
    var rotation: [Double]?
  }

  /// - Parameter specification: its action space, limits, control rate and proprioception are looked at.
  public init(_ specification: PolicySpecification) {
    let quantities = specification.makeActionSpace().quantities
    ranges = quantities.map { $0.minimum...$0.maximum }
    names = quantities.map(\.name)
    let limits = specification.limits
    workspace = limits.workspace?.axes
    stepLength = limits.maximumSpeed.map { $0 / specification.control.rate }
    stepAngle = limits.maximumRotationRate.map { $0 / specification.control.rate }
    maximumJump = limits.maximumJump
    let measured = specification.proprioception.map(\.name)
    positionIndices = Self.indices(of: MeasuredPose.position, in: measured)
    rotationIndices = Self.indices(of: MeasuredPose.rotation, in: measured)
    switch specification.actionSpace {
    case .pickAndPlace: kind = .pickAndPlace
    case .continuous(let space):
      let translation = Self.axes(of: space.dimensions) { $0.translationAxis }
      let rotation = Self.axes(of: space.dimensions) { $0.rotationAxis }
      kind =
        space.mode == .delta
        ? .delta(translation: translation, rotation: rotation) : .absolute(translation: translation, rotation: rotation)
    }
  }

  /// Limits a chunk.
  ///
  /// - Parameters:
  ///   - actions: in the order in which they will be executed, one a control step.
  ///   - proprioception: what the robot measured when the chunk was asked for; order and units of the policy.
  /// - Returns: as many actions; those that were changed say by which limits.
  /// - Throws: ``RobotError`` `.invalidAction` for NaN, infinity or a wrong number of values, and when no command could satisfy the
  ///   limits; `.invalidProprioception` for a measured pose that is missing or not finite.
  public func limit(_ actions: [Action], proprioception: [Double]) throws(RobotError) -> [Action] {
    for (index, action) in actions.enumerated() {
      guard action.values.count == ranges.count else {
        throw RobotError(
          .invalidAction, "actions[\(index)]", "expected \(ranges.count) values, found \(action.values.count)")
      }
      for (value, name) in zip(action.values, names) where !value.isFinite {
        throw RobotError(.invalidAction, "actions[\(index)].\(name)", "expected a finite number, found \(value)")
      }
    }
    let measured = MeasuredEndEffector(
      position: try read(positionIndices, from: proprioception),
      rotation: try read(rotationIndices, from: proprioception))
    switch kind {
    case .pickAndPlace: return limitTargets(actions)
    case .delta(let translation, let rotation):
      return limitDeltas(actions, translation: translation, rotation: rotation, measured: measured)
    case .absolute(let translation, let rotation):
      return try limitPoses(actions, translation: translation, rotation: rotation, measured: measured)
    }
  }

  private static func indices(of names: [String], in measured: [String]) -> [Int]? {
    let found = names.compactMap { measured.firstIndex(of: $0) }
    return found.isEmpty ? nil : names.map { measured.firstIndex(of: $0) ?? -1 }
  }

  private static func axes(
    of dimensions: [PolicySpecification.Dimension], by axis: (PolicySpecification.Dimension.Role) -> Int?
  ) -> Axes {
    let found = dimensions.enumerated().compactMap { index, dimension in axis(dimension.role).map { (index, $0) } }
    return Axes(value: found.map(\.0), axis: found.map(\.1))
  }

  /// Three coordinates; those that the policy does not measure are 0, and no limit looks at them.
  private func read(_ indices: [Int]?, from proprioception: [Double]) throws(RobotError) -> [Double]? {
    guard let indices else { return nil }
    var coordinates: [Double] = []
    for index in indices {
      guard index >= 0 else {
        coordinates.append(0)
        continue
      }
      guard proprioception.indices.contains(index), proprioception[index].isFinite else {
        throw RobotError(
          .invalidProprioception, "observation.proprioception[\(index)]",
          "expected a finite number for the measured pose")
      }
      coordinates.append(proprioception[index])
    }
    return coordinates
  }

  /// Clamps every value to its own range.
  func clampToRanges(_ action: inout Action) {
    for (index, range) in ranges.enumerated() where !range.contains(action.values[index]) {
      action.values[index] = min(max(action.values[index], range.lowerBound), range.upperBound)
      action.limited.insert(.range)
    }
  }
}
