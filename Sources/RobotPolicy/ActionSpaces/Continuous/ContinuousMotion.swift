import RobotInterface

/// Tells continuous commands that move a robot from those that let it rest.
struct ContinuousMotion: ActionMotion {
  /// Less than this part of a value's range is rest: zero itself has no bin when a range is symmetric.
  private static let threshold = 0.01

  private struct Component: Sendable {
    var index: Int
    var threshold: Double
    /// Where proprioception measures the same quantity.
    var measured: Int?
  }

  private let mode: ContinuousActionSpace.Mode
  private let components: [Component]

  init(_ space: ContinuousActionSpace, in policy: PolicySpecification) {
    mode = space.mode
    components = space.dimensions.enumerated().compactMap { index, dimension in
      // A gripper that keeps being told to close does not move.
      guard dimension.role != .gripper else { return nil }
      return Component(
        index: index, threshold: Self.threshold * (dimension.maximum - dimension.minimum),
        measured: dimension.measurement(in: policy))
    }
  }

  func moves(_ actions: [Action], proprioception: [Double], last: Action?) -> Bool {
    actions.contains { action in
      components.contains { component in
        let value = action.values[component.index]
        guard mode == .absolute else { return abs(value) > component.threshold }
        let reference = component.measured.map { proprioception[$0] } ?? last?.values[component.index]
        return reference.map { abs(value - $0) > component.threshold } ?? true
      }
    }
  }
}
