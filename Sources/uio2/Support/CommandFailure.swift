import ArgumentParser
import PolicyEvaluation

/// Why a command ends: one line for people, one code for scripts.
struct CommandFailure: Error {
  /// What the process exits with.
  var code: ExitCode
  /// One line.
  var message: String

  /// Creates a failure from its parts; line ends in the message become spaces.
  init(_ code: ExitCode, _ message: String) {
    self.code = code
    self.message = message.split(whereSeparator: \.isNewline).joined(separator: " ")
  }

  /// Turns the error of a library into a line and a code; `nil` for what the argument parser itself has to say.
  init?(_ error: any Error) {
    switch error {
    case let failure as CommandFailure: self = failure
    case let error as RolloutError: self.init(Self.code(of: error), error.description)
    case is ExitCode, is CleanExit, is ValidationError: return nil
    default:
      guard let failure = Self.modelFailure(error) else { return nil }
      self = failure
    }
  }

  private static func code(of error: RolloutError) -> ExitCode {
    switch error.code {
    case .invalidPlan: .validationFailure
    case .pythonNotFound, .cannotStart, .protocolFailure, .environmentFailure: .unavailable
    case .capabilitiesDisagree: .badData
    case .usage: .fault
    case .interrupted: .signal(2)
    default: .failed
    }
  }
}
