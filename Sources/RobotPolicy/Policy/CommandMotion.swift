import RobotInterface

/// Tells commands that move a robot, so that its cameras must see something change, from those that let it rest.
struct CommandMotion: Sendable {
  /// Less than this part of a value's range is rest: zero itself has no bin when a range is symmetric.
  private static let threshold = 0.01

  private enum Kind: Sendable {
    case delta
    case absolute
    case always
  }

  private struct Component: Sendable {
    var index: Int
    var threshold: Double
    /// Where proprioception measures the same quantity.
    var measured: Int?
  }

  private let kind: Kind
  private let components: [Component]

  init(_ specification: PolicySpecification) {
    guard case .continuous(let space) = specification.actionSpace else {
      kind = .always
      components = []
      return
    }
    kind = space.mode == .delta ? .delta : .absolute
    let measured = specification.proprioception.map(\.name)
    components = space.dimensions.enumerated().compactMap { index, dimension in
      // A gripper that keeps being told to close does not move.
      guard dimension.role != .gripper else { return nil }
      let name =
        dimension.role.translationAxis.map { MeasuredPose.position[$0] }
        ?? dimension.role.rotationAxis.map { MeasuredPose.rotation[$0] }
      return Component(
        index: index, threshold: Self.threshold * (dimension.maximum - dimension.minimum),
        measured: name.flatMap { measured.firstIndex(of: $0) })
    }
  }

  /// Whether a chunk moves the robot.
  ///
  /// - Parameters:
  ///   - actions: the chunk, of the policy's action space.
  ///   - proprioception: what the robot measured before it.
  ///   - last: the last command before it, if any.
  func moves(_ actions: [Action], proprioception: [Double], last: Action?) -> Bool {
    switch kind {
    case .always: !actions.isEmpty
    case .delta: actions.contains { action in components.contains { abs(action.values[$0.index]) > $0.threshold } }
    case .absolute:
      actions.contains { action in
        components.contains { component in
          let reference = component.measured.map { proprioception[$0] } ?? last?.values[component.index]
          return reference.map { abs(action.values[component.index] - $0) > component.threshold } ?? true
        }
      }
    }
  }
}
