/// Proprioception that the safety envelope reads, by name.
package enum MeasuredPose {
  /// The end effector's position in the base frame, metres.
  package static let position = ["end_effector_x", "end_effector_y", "end_effector_z"]
  /// The end effector's angles about the axes of the base frame, radians.
  package static let rotation = ["end_effector_rotation_x", "end_effector_rotation_y", "end_effector_rotation_z"]
}

/// The rules that span several keys.
extension PolicySpecification {
  struct Inconsistency {
    var path: String
    var message: String

    init(_ path: String, _ message: String) {
      self.path = path
      self.message = message
    }
  }

  /// The first rule that is broken; `nil` when the parts agree.
  func inconsistency() -> Inconsistency? {
    inconsistentNames() ?? inconsistentCameras() ?? inconsistentPrompt() ?? inconsistentMeasurements()
      ?? inconsistentActions() ?? inconsistentHold() ?? inconsistentLimits()
  }

  private func inconsistentNames() -> Inconsistency? {
    duplicate(in: cameras.map(\.name), path: "cameras")
      ?? duplicate(in: proprioception.map(\.name), path: "proprioception")
  }

  private func duplicate(in names: [String], path: String) -> Inconsistency? {
    var seen: Set<String> = []
    for (index, name) in names.enumerated() where !seen.insert(name).inserted {
      return Inconsistency("\(path)[\(index)].name", "expected a unique name, found \"\(name)\" again")
    }
    return nil
  }

  private func inconsistentCameras() -> Inconsistency? {
    let images = cameras.indices.filter { cameras[$0].input == .image }
    let expected = "expected one camera whose input is \"image\""
    if images.isEmpty { return Inconsistency("cameras", "\(expected), found none") }
    if images.count > 1 { return Inconsistency("cameras[\(images[1])].input", "\(expected), found a second") }
    guard historyFrames > Self.maximumHistoryFrames else { return nil }
    return Inconsistency(
      "cameras", "expected at most \(Self.maximumHistoryFrames) frames of image history, found \(historyFrames)")
  }

  private func inconsistentPrompt() -> Inconsistency? {
    guard proprioception.isEmpty, prompt.template.contains("{state}") else { return nil }
    return Inconsistency("prompt.template", "expected no {state}, for there is no proprioception")
  }

  private func inconsistentMeasurements() -> Inconsistency? {
    for (index, quantity) in proprioception.enumerated() {
      let units = ["m": MeasuredPose.position, "rad": MeasuredPose.rotation]
      for (unit, names) in units where names.contains(quantity.name) && quantity.unit != unit {
        let message = "expected \"\(unit)\" for \(quantity.name), found \"\(quantity.unit)\""
        return Inconsistency("proprioception[\(index)].unit", message)
      }
    }
    return nil
  }

  private func inconsistentActions() -> Inconsistency? {
    guard case .continuous(let space) = actionSpace else { return nil }
    let path = "action_space.dimensions"
    if space.dimensions.isEmpty { return Inconsistency(path, "expected at least one dimension, found none") }
    // The decoder has 512 positions; EOS takes one.
    let numbers = space.dimensions.count * space.chunkLength
    if numbers > 511 {
      let message = "expected at most 511 numbers in an answer, found \(numbers)"
      return Inconsistency("action_space.chunk_length", message)
    }
    if space.mode == .absolute, space.frame == .endEffector {
      let message = "expected \"base\" for absolute commands, found \"end_effector\""
      return Inconsistency("action_space.frame", message)
    }
    if let fault = duplicate(in: space.dimensions.map(\.name), path: path) { return fault }
    var roles: Set<Dimension.Role> = []
    for (index, dimension) in space.dimensions.enumerated() {
      let role = dimension.role
      if role != .other, !roles.insert(role).inserted {
        return Inconsistency("\(path)[\(index)].role", "expected a role once, found \"\(role.rawValue)\" again")
      }
      if let fault = inconsistent(dimension, mode: space.mode, path: "\(path)[\(index)]") { return fault }
    }
    return nil
  }

  private func inconsistent(_ dimension: Dimension, mode: Continuous.Mode, path: String) -> Inconsistency? {
    let role = dimension.role
    guard role.translationAxis != nil || role.rotationAxis != nil else { return nil }
    let unit = role.translationAxis != nil ? "m" : "rad"
    if dimension.unit != unit {
      let message = "expected \"\(unit)\" for the role \(role.rawValue), found \"\(dimension.unit)\""
      return Inconsistency("\(path).unit", message)
    }
    // Standing still must be something that can be said; the envelope also scales towards it.
    let range = dimension.minimum...dimension.maximum
    guard mode == .delta, !range.contains(0) else { return nil }
    let found = "[\(dimension.minimum.plainDescription), \(dimension.maximum.plainDescription)]"
    return Inconsistency("\(path).minimum", "expected the range of a delta to contain 0, found \(found)")
  }

  private func inconsistentHold() -> Inconsistency? {
    let (expected, kind): (Control.Hold, String) =
      switch actionSpace {
      case .continuous(let space): space.mode == .delta ? (.zero, "deltas") : (.repeat, "absolute commands")
      case .pickAndPlace: (.zero, "pick_and_place")
      }
    guard control.hold != expected else { return nil }
    let found = control.hold.rawValue
    return Inconsistency("control.hold", "expected \"\(expected.rawValue)\" for \(kind), found \"\(found)\"")
  }
}

/// A limit that could not be enforced would be a promise to nobody.
extension PolicySpecification {
  private func inconsistentLimits() -> Inconsistency? {
    switch actionSpace {
    case .pickAndPlace(let space): unenforceableLimit(for: space)
    case .continuous(let space): unenforceableLimit(for: space)
    }
  }

  /// A limit, and what it takes to keep it.
  private struct Requirement {
    var key: Limits.CodingKeys
    var axes: [Int]
    var pose: [String]?
    var needsBaseFrame = false
  }

  private var declaredLimits: [Limits.CodingKeys] {
    var keys: [Limits.CodingKeys] = []
    if limits.workspace != nil { keys.append(.workspace) }
    if limits.maximumSpeed != nil { keys.append(.maximumSpeed) }
    if limits.maximumRotationRate != nil { keys.append(.maximumRotationRate) }
    if limits.maximumJump != nil { keys.append(.maximumJump) }
    return keys
  }

  private func unenforceableLimit(for space: PickAndPlace) -> Inconsistency? {
    if let key = declaredLimits.first(where: { $0 != .workspace }) {
      let message = "expected no such limit: a pick_and_place answer says where to go, not how to get there"
      return Inconsistency("limits.\(key.rawValue)", message)
    }
    guard let workspace = limits.workspace else { return nil }
    if workspace.x.overlaps(space.x), workspace.y.overlaps(space.y) { return nil }
    return Inconsistency("limits.workspace", "expected a box that overlaps the action space's x and y")
  }

  private func unenforceableLimit(for space: Continuous) -> Inconsistency? {
    let translations = space.dimensions.compactMap(\.role.translationAxis)
    let rotations = space.dimensions.compactMap(\.role.rotationAxis)
    // A delta carries its own speed; everything else is measured from where the end effector is.
    let absolute = space.mode == .absolute
    let requirements = [
      Requirement(
        key: .workspace, axes: translations, pose: absolute ? nil : MeasuredPose.position, needsBaseFrame: true),
      Requirement(key: .maximumSpeed, axes: translations, pose: absolute ? MeasuredPose.position : nil),
      Requirement(key: .maximumRotationRate, axes: rotations, pose: absolute ? MeasuredPose.rotation : nil),
      Requirement(key: .maximumJump, axes: translations, pose: MeasuredPose.position, needsBaseFrame: true),
    ]
    let measured = Set(proprioception.map(\.name))
    for requirement in requirements where declaredLimits.contains(requirement.key) {
      let path = "limits.\(requirement.key.rawValue)"
      if requirement.axes.isEmpty {
        return Inconsistency(path, "expected a dimension with a role that this limit applies to, found none")
      }
      if requirement.needsBaseFrame, space.frame != .base {
        return Inconsistency(path, "expected the action frame \"base\" for this limit")
      }
      guard let pose = requirement.pose else { continue }
      for axis in requirement.axes where !measured.contains(pose[axis]) {
        return Inconsistency(path, "expected proprioception \"\(pose[axis])\", which this limit is measured from")
      }
    }
    guard absolute, let workspace = limits.workspace else { return nil }
    for dimension in space.dimensions {
      guard let axis = dimension.role.translationAxis else { continue }
      if !workspace.axes[axis].overlaps(dimension.minimum...dimension.maximum) {
        return Inconsistency("limits.workspace", "expected a box that overlaps the range of \(dimension.name)")
      }
    }
    return nil
  }
}
