public import RobotInterface
public import RobotLink

/// A policy whose model can also be asked without a robot. The daemon answers `Generate` with `unsupported` for others.
public protocol Generating: Sendable {
  /// Runs the model on its own, on the thread that runs the policy.
  ///
  /// - Parameter goesOn: to be called before the work and after each token, as often as possible in between. Robots are served
  ///   inside of the call, so it may take a while, and ``ObservationPolicy/act(on:)`` may be called meanwhile. `false`
  ///   ends the generation there: it returns what was said so far, with the reason `cancelled`.
  /// - Throws: ``RobotError``, which is the client's answer.
  func generate(
    _ request: GenerationRequest, goesOn: @escaping @Sendable (GenerationMoment) -> Bool
  ) throws(RobotError) -> GenerationResult
}

/// Where a generation stands between two tokens.
public struct GenerationMoment: Sendable {
  /// Said so far; 0 before the first.
  public var tokens: Int
  /// Tokens that the answer cannot exceed; 0 before the first.
  public var limit: Int
  /// Makes the text so far, when somebody wants it.
  public var text: @Sendable () -> String

  /// Before the first token, unless told otherwise.
  public init(tokens: Int = 0, limit: Int = 0, text: @escaping @Sendable () -> String = { "" }) {
    self.tokens = tokens
    self.limit = limit
    self.text = text
  }
}
