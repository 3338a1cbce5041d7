package import RobotInterface

extension PolicySpecification {
  /// What a robot is told about the policy.
  package func capabilities(digest: String, serverVersion: String) -> Capabilities {
    let space = makeActionSpace()
    var capabilities = Capabilities(
      policyName: name, policyDigest: digest, serverVersion: serverVersion,
      cameras: cameras.map { camera in
        Capabilities.Camera(
          name: camera.name, width: camera.width, height: camera.height,
          verticalFieldOfView: camera.verticalFieldOfView,
          input: camera.input.rawValue)
      },
      proprioception: proprioception.map { quantity in
        Capabilities.Quantity(
          name: quantity.name, unit: quantity.unit, minimum: quantity.minimum, maximum: quantity.maximum)
      },
      actions: space.quantities, actionFrame: frameName, actionMode: modeName, hold: control.hold.rawValue,
      chunkLength: space.maximumActions, controlRate: control.rate, limits: Capabilities.Limits())
    capabilities.limits.workspaceMinimum = limits.workspace?.axes.map(\.lowerBound)
    capabilities.limits.workspaceMaximum = limits.workspace?.axes.map(\.upperBound)
    capabilities.limits.maximumSpeed = limits.maximumSpeed
    capabilities.limits.maximumRotationRate = limits.maximumRotationRate
    capabilities.limits.maximumJump = limits.maximumJump
    capabilities.limits.maximumObservationAge = control.maximumObservationAge
    capabilities.limits.frozenCameraTimeout = control.frozenCameraTimeout
    return capabilities
  }

  private var frameName: String {
    switch actionSpace {
    case .continuous(let space): space.frame.rawValue
    case .pickAndPlace: Continuous.Frame.base.rawValue
    }
  }

  private var modeName: String {
    switch actionSpace {
    case .continuous(let space): space.mode.rawValue
    case .pickAndPlace: ActionSpace.Kind.pickAndPlace.rawValue
    }
  }

  /// The action space that turns answers into actions.
  func makeActionSpace() -> any ActionCoding {
    switch actionSpace {
    case .continuous(let space): ContinuousActionSpace(space)
    case .pickAndPlace(let space): PickAndPlaceActionSpace(space)
    }
  }
}
