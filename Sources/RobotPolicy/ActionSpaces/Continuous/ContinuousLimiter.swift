import RobotInterface

/// Keeps continuous commands inside the limits of their policy, vector by vector.
struct ContinuousLimiter: ActionLimiter {
  private let ranges: [ClosedRange<Double>]
  private let vectors: [LimitedVector]

  init(_ space: ContinuousActionSpace, in policy: PolicySpecification) {
    ranges = space.dimensions.map(\.range)
    let limits = policy.limits, rate = policy.control.rate
    let dimensions = space.dimensions.enumerated().map { (index: $0, dimension: $1) }
    let translation = LimitedVector(
      components: dimensions.filter { $0.dimension.role.translationAxis != nil }.map {
        Self.component($0.dimension, at: $0.index, in: policy)
      },
      isStep: space.mode == .delta, maximumLength: limits.maximumSpeed.map { $0 / rate },
      maximumDistance: limits.maximumJump)
    let rotation = LimitedVector(
      components: dimensions.filter { $0.dimension.role.rotationAxis != nil }.map {
        Self.component($0.dimension, at: $0.index, in: policy)
      },
      isStep: space.mode == .delta, isAngular: true, maximumLength: limits.maximumRotationRate.map { $0 / rate },
      lengthFlag: .rotationRate)
    let others = dimensions.filter { !$0.dimension.role.isSpatial && $0.dimension.ownLimits != nil }.map {
      LimitedVector(
        components: [Self.component($0.dimension, at: $0.index, in: policy)], isStep: space.isStep($0.dimension))
    }
    vectors = ([translation, rotation] + others).filter { !$0.components.isEmpty }
  }

  private static func component(
    _ dimension: ContinuousActionSpace.Dimension, at index: Int, in policy: PolicySpecification
  ) -> LimitedVector.Component {
    var component = LimitedVector.Component(
      index: index, name: dimension.name, range: dimension.range, measured: dimension.measurement(in: policy))
    if let workspace = policy.limits.workspace, let axis = dimension.role.translationAxis {
      component.bounds.append(LimitedVector.Bound(range: workspace.axes[axis], flag: .workspace))
    }
    if let position = dimension.limits?.position {
      component.bounds.append(LimitedVector.Bound(range: position, flag: .position))
    }
    component.maximumStep = dimension.limits?.maximumRate.map { $0 / policy.control.rate }
    component.maximumJump = dimension.limits?.maximumJump
    return component
  }

  func limit(_ actions: [Action], proprioception: [Double], pending: PendingActions) throws(RobotError) -> [Action] {
    var limited = actions
    for index in limited.indices { limited[index].clamp(to: ranges) }
    for vector in vectors {
      let measured = try vector.measured(in: proprioception)
      if vector.isStep {
        vector.limitSteps(of: &limited, measured: measured, pending: pending)
      } else {
        try vector.limitTargets(of: &limited, measured: measured, pending: pending)
      }
    }
    return limited
  }
}
