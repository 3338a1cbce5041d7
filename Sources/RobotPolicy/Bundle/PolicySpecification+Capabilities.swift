package import RobotInterface

extension PolicySpecification {
  /// What a robot is told about the policy.
  package func capabilities(digest: String, serverVersion: String) -> Capabilities {
    let space = actionSpace
    var capabilities = Capabilities(
      policyName: name, policyDigest: digest, serverVersion: serverVersion,
      cameras: cameras.map { camera in
        Capabilities.Camera(
          name: camera.name, width: camera.width, height: camera.height,
          verticalFieldOfView: camera.verticalFieldOfView,
          input: camera.input)
      },
      proprioception: proprioception.map { quantity in
        Capabilities.Quantity(
          name: quantity.name, unit: quantity.unit, minimum: quantity.minimum, maximum: quantity.maximum,
          tolerance: quantity.tolerance)
      },
      actions: space.quantities, actionFrame: space.frameName, actionMode: .init(rawValue: space.modeName),
      hold: control.hold, chunkLength: space.maximumActions, controlRate: control.rate, limits: Capabilities.Limits(),
      instructions: instructions.sentences, isUnlimited: limits.isUnlimited,
      unlimitedDimensions: limits.isUnlimited ? [] : space.unlimitedDimensions,
      deadline: control.deadline,
      audio: audio.map { audio in
        Capabilities.Audio(
          name: audio.name, maximumDuration: audio.maximumDuration, replacesInstruction: audio.replacesInstruction)
      })
    capabilities.limits.workspaceMinimum = limits.workspace?.axes.map(\.lowerBound)
    capabilities.limits.workspaceMaximum = limits.workspace?.axes.map(\.upperBound)
    capabilities.limits.maximumSpeed = limits.maximumSpeed
    capabilities.limits.maximumRotationRate = limits.maximumRotationRate
    capabilities.limits.maximumJump = limits.maximumJump
    capabilities.limits.dimensions = space.dimensionLimits
    capabilities.limits.maximumObservationAge = control.maximumObservationAge
    capabilities.limits.frozenCameraTimeout = control.frozenCameraTimeout
    return capabilities
  }
}
