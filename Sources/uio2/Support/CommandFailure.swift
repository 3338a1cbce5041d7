import ArgumentParser
import LogOutput
import PolicyEvaluation

/// Why a command ends: one line for people, one code for scripts.
struct CommandFailure: Error {
  /// What the process exits with.
  var code: ExitCode
  /// One line; empty: nothing is to be said.
  var message: String

  /// Creates a failure from its parts; line ends in the message become spaces, other control characters escapes.
  init(_ code: ExitCode, _ message: String) {
    self.code = code
    let line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
    self.message = PrintableText.block(line)
  }

  /// The reader of standard output has gone. That is no failure, and nobody wants to hear of it.
  static let readerHasGone = CommandFailure(.success, "")

  /// Turns the error of a library into a line and a code; `nil` for what the argument parser itself has to say.
  init?(_ error: any Error) {
    switch error {
    case let failure as CommandFailure: self = failure
    case let error as RolloutError: self.init(Self.code(of: error), error.description)
    case is ExitCode, is CleanExit, is ValidationError: return nil
    default:
      guard let failure = Self.modelFailure(error) ?? Self.runFailure(error) else { return nil }
      self = failure
    }
  }

  private static func code(of error: RolloutError) -> ExitCode {
    switch error.code {
    case .invalidPlan: .usage
    case .pythonNotFound, .cannotStart, .protocolFailure, .environmentFailure, .unresponsive: .unavailable
    case .capabilitiesDisagree: .badData
    case .cannotWrite: .unwritable
    case .usage: .fault
    case .interrupted: .signal(2)
    default: .failed
    }
  }
}
