/// The rules between a continuous action space and the rest of its policy.
extension ContinuousActionSpace {
  private static let path = "action_space.dimensions"

  package func inconsistency(in policy: PolicySpecification) -> Inconsistency? {
    inconsistentDimensions() ?? unenforceableLimit(in: policy) ?? unenforceableOwnLimit(in: policy)
      ?? unboundedDimension(in: policy)
  }

  private func inconsistentDimensions() -> Inconsistency? {
    if dimensions.isEmpty { return Inconsistency(Self.path, "expected at least one dimension, found none") }
    if mode == .absolute, frame == .endEffector {
      let message = "expected \"base\" for absolute commands, found \"end_effector\""
      return Inconsistency("action_space.frame", message)
    }
    if let fault = Inconsistency.duplicate(in: dimensions.map(\.name), path: Self.path) { return fault }
    var roles: Set<Dimension.Role> = []
    for (index, dimension) in dimensions.enumerated() {
      let role = dimension.role
      if role != .other, !roles.insert(role).inserted {
        let message = "expected a role once, found \"\(role.rawValue)\" again"
        return Inconsistency("\(Self.path)[\(index)].role", message)
      }
      if let fault = inconsistent(dimension, path: "\(Self.path)[\(index)]") { return fault }
    }
    return nil
  }

  private func inconsistent(_ dimension: Dimension, path: String) -> Inconsistency? {
    let role = dimension.role
    let unit = role.translationAxis != nil ? "m" : "rad"
    if role.isSpatial, dimension.unit != unit {
      let message = "expected \"\(unit)\" for the role \(role.rawValue), found \"\(dimension.unit)\""
      return Inconsistency("\(path).unit", message)
    }
    // Standing still must be something that can be said; the envelope also scales towards it.
    let isLimited = role.isSpatial || dimension.ownLimits != nil
    guard isStep(dimension), isLimited, !dimension.range.contains(0) else { return nil }
    let found = "[\(dimension.minimum.plainDescription), \(dimension.maximum.plainDescription)]"
    return Inconsistency("\(path).minimum", "expected the range of a delta to contain 0, found \(found)")
  }
}

/// Limits on some joints say nothing of the others.
extension ContinuousActionSpace {
  /// The first number that moves the robot and that no limit bounds, where the policy does not say so.
  ///
  /// Whether a policy has any limits at all is checked elsewhere.
  private func unboundedDimension(in policy: PolicySpecification) -> Inconsistency? {
    guard !policy.limits.declared.isEmpty || dimensions.contains(where: { $0.ownLimits != nil }) else { return nil }
    for (index, dimension) in dimensions.enumerated() where dimension.role != .gripper {
      let path = "\(Self.path)[\(index)].limits"
      let shared = policy.limits.declared.first { bounds($0, dimension) }
      if dimension.isUnlimited, let shared {
        return Inconsistency(path, "expected no \"none\", for limits.\(shared.rawValue) bounds \(dimension.name)")
      }
      guard dimension.limits == nil, shared == nil else { continue }
      return Inconsistency(
        path,
        "expected a limit on \(dimension.name), found none; a number that has none on purpose says "
          + "\"limits\": \"none\"")
    }
    return nil
  }

  /// Whether a limit of the whole end effector bounds a dimension.
  private func bounds(_ key: PolicySpecification.Limits.CodingKeys, _ dimension: Dimension) -> Bool {
    switch key {
    case .workspace, .maximumSpeed, .maximumJump: dimension.role.translationAxis != nil
    case .maximumRotationRate: dimension.role.rotationAxis != nil
    }
  }
}

/// A limit that cannot be enforced would be a false promise.
extension ContinuousActionSpace {
  /// A limit of `limits`, and what it takes to keep it.
  private struct Requirement {
    var key: PolicySpecification.Limits.CodingKeys
    var dimensions: [Dimension]
    var isMeasured: Bool
    var needsBaseFrame = false
  }

  private func unenforceableLimit(in policy: PolicySpecification) -> Inconsistency? {
    let translations = dimensions.filter { $0.role.translationAxis != nil }
    let rotations = dimensions.filter { $0.role.rotationAxis != nil }
    // A delta carries its own speed; everything else is measured from where the end effector is.
    let requirements = [
      Requirement(key: .workspace, dimensions: translations, isMeasured: mode == .delta, needsBaseFrame: true),
      Requirement(key: .maximumSpeed, dimensions: translations, isMeasured: mode == .absolute),
      Requirement(key: .maximumRotationRate, dimensions: rotations, isMeasured: mode == .absolute),
      Requirement(key: .maximumJump, dimensions: translations, isMeasured: true, needsBaseFrame: true),
    ]
    let declared = policy.limits.declared
    for requirement in requirements where declared.contains(requirement.key) {
      let path = "limits.\(requirement.key.rawValue)"
      if requirement.dimensions.isEmpty {
        return Inconsistency(path, "expected a dimension with a role that this limit applies to, found none")
      }
      if requirement.needsBaseFrame, frame != .base {
        return Inconsistency(path, "expected the action frame \"base\" for this limit")
      }
      guard requirement.isMeasured else { continue }
      for dimension in requirement.dimensions where dimension.measurement(in: policy) == nil {
        return Inconsistency(path, Self.unmeasured(dimension))
      }
    }
    guard mode == .absolute, let workspace = policy.limits.workspace else { return nil }
    for dimension in translations {
      guard let axis = dimension.role.translationAxis else { continue }
      if !workspace.axes[axis].overlaps(dimension.range) {
        return Inconsistency("limits.workspace", "expected a box that overlaps the range of \(dimension.name)")
      }
    }
    return nil
  }

  private static func unmeasured(_ dimension: Dimension) -> String {
    "expected proprioception \"\(dimension.measurementName)\", which this limit is measured from"
  }

  private func unenforceableOwnLimit(in policy: PolicySpecification) -> Inconsistency? {
    for (index, dimension) in dimensions.enumerated() {
      let path = "\(Self.path)[\(index)]"
      if let fault = wrongMeasurement(of: dimension, in: policy, path: path) { return fault }
      for key in dimension.ownLimits?.declared ?? [] {
        let path = "\(path).limits.\(key.rawValue)"
        if needsMeasurement(key, dimension), dimension.measurement(in: policy) == nil {
          return Inconsistency(path, "\(Self.unmeasured(dimension)), in \(dimension.unit)")
        }
        if key != .maximumRate, dimension.role.isSpatial, frame != .base {
          return Inconsistency(path, "expected the action frame \"base\" for this limit")
        }
      }
      if let fault = emptyPosition(of: dimension, in: policy, path: "\(path).limits.position") { return fault }
    }
    return nil
  }

  private func wrongMeasurement(
    of dimension: Dimension, in policy: PolicySpecification, path: String
  ) -> Inconsistency? {
    guard let name = dimension.measuredBy, dimension.measurement(in: policy) == nil else { return nil }
    let unit = policy.proprioception.first { $0.name == name }?.unit
    let found = unit.map { "found it in \"\($0)\"" } ?? "found none of that name"
    return Inconsistency("\(path).measured_by", "expected proprioception in \"\(dimension.unit)\", \(found)")
  }

  /// A step carries its own rate; a position needs no measurement to be compared with a range.
  private func needsMeasurement(_ key: Dimension.Limits.CodingKeys, _ dimension: Dimension) -> Bool {
    switch key {
    case .position: isStep(dimension)
    case .maximumRate: !isStep(dimension)
    case .maximumJump: true
    }
  }

  private func emptyPosition(
    of dimension: Dimension, in policy: PolicySpecification, path: String
  ) -> Inconsistency? {
    guard let position = dimension.limits?.position else { return nil }
    var allowed = position
    if let workspace = policy.limits.workspace, let axis = dimension.role.translationAxis {
      guard allowed.overlaps(workspace.axes[axis]) else {
        return Inconsistency(path, "expected positions that overlap the workspace")
      }
      allowed = allowed.clamped(to: workspace.axes[axis])
    }
    guard !isStep(dimension), !allowed.overlaps(dimension.range) else { return nil }
    return Inconsistency(path, "expected positions that overlap the range of \(dimension.name)")
  }
}
