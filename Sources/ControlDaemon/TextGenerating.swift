import RobotInterface
import RobotLink

/// A policy whose model can also be asked without a robot. The daemon answers `Generate` with `unsupported` for others.
public protocol TextGenerating: Sendable {
  /// Runs the model on its own. Called on the thread that runs the policy, never while a step is being computed.
  ///
  /// - Throws: ``RobotError``, which is the client's answer.
  func generate(_ request: GenerationRequest) throws(RobotError) -> GenerationResult
}
