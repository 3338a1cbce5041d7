import RobotInterface

/// Proprioception that the safety envelope reads, by name.
package enum MeasuredPose {
  /// The end effector's position in the base frame, metres.
  package static let position = ["end_effector_x", "end_effector_y", "end_effector_z"]
  /// The end effector's angles about the axes of the base frame, radians.
  package static let rotation = ["end_effector_rotation_x", "end_effector_rotation_y", "end_effector_rotation_z"]
}

/// The rules that span several keys.
extension PolicySpecification {
  /// The first rule that is broken; `nil` when the parts agree.
  func inconsistency() -> Inconsistency? {
    inconsistentNames() ?? inconsistentCameras() ?? inconsistentPrompt() ?? inconsistentMeasurements()
      ?? inconsistentHold() ?? actionSpace.inconsistency(in: self) ?? missingLimits()
  }

  private func inconsistentNames() -> Inconsistency? {
    Inconsistency.duplicate(in: cameras.map(\.name), path: "cameras")
      ?? Inconsistency.duplicate(in: proprioception.map(\.name), path: "proprioception")
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

  private func inconsistentHold() -> Inconsistency? {
    let expected = actionSpace.hold.rawValue
    guard control.hold != actionSpace.hold else { return nil }
    let found = control.hold.rawValue
    return Inconsistency("control.hold", "expected \"\(expected)\" for \(actionSpace.commandName), found \"\(found)\"")
  }

  /// An arm without any limits must be meant, not forgotten.
  private func missingLimits() -> Inconsistency? {
    let isLimited = !limits.declared.isEmpty || !actionSpace.dimensionLimits.isEmpty
    if limits.isUnlimited, isLimited {
      return Inconsistency("limits", "expected no \"none\", for dimensions have limits of their own")
    }
    guard !limits.isUnlimited, !isLimited else { return nil }
    return Inconsistency(
      "limits", "expected at least one limit, found none; a policy that has none on purpose says \"limits\": \"none\"")
  }
}
