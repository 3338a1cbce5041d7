public import RobotInterface
public import RobotPolicy
public import UnifiedIO

/// A policy whose model can also be asked without a robot. The daemon answers `Generate` with `unsupported` for others.
public protocol Generating: Sendable {
  /// Decodes what the request shows and plays, as far as that needs no weights: on any thread, also while the policy runs.
  ///
  /// Unless a policy can do better, nothing.
  ///
  /// - Parameter cancellation: ends the work early; the result is then not used.
  /// - Throws: ``RobotError``, which is the client's answer.
  func prepare(_ request: GenerationRequest, cancellation: Cancellation) throws(RobotError) -> PreparedInput

  /// Runs the model on its own, in the place of the policy.
  ///
  /// - Parameters:
  ///   - prepared: what ``prepare(_:cancellation:)`` made of the request.
  ///   - goesOn: to be called before the work and after each token, as often as possible in between. Robots are served
  ///   inside of the call, so it may take a while, and ``ObservationPolicy/act(on:)`` may be called meanwhile. `false`
  ///   ends the generation there: it returns what was said so far, with the reason `cancelled`.
  /// - Throws: ``RobotError``, which is the client's answer.
  func generate(
    _ request: GenerationRequest, prepared: PreparedInput, goesOn: @escaping @Sendable (GenerationMoment) -> Bool
  ) throws(RobotError) -> GenerationResult
}

extension Generating {
  /// Prepares nothing.
  public func prepare(_ request: GenerationRequest, cancellation: Cancellation) throws(RobotError) -> PreparedInput {
    PreparedInput(())
  }
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
