import ArgumentParser
import Files
import MCAP
import ModelImport
import RobotInterface
import RobotPolicy
import Tensors
import UnifiedIO

extension CommandFailure {
  /// The failures of files, model, policy and daemon.
  static func modelFailure(_ error: any Error) -> CommandFailure? {
    switch error {
    case let error as FileError: CommandFailure(error.code == .unwritable ? .unwritable : .badData, error.description)
    case let error as MCAPError: CommandFailure(error.code == .unwritable ? .unwritable : .badData, error.description)
    case let error as ModelError: CommandFailure(.badData, error.description)
    case let error as TensorError:
      CommandFailure(error.code == .unwritableFile ? .unwritable : .badData, error.description)
    case let error as ImportError: CommandFailure(code(of: error), error.description)
    case let error as PolicyError:
      CommandFailure(error.code == .unwritableFile ? .unwritable : .badData, error.description)
    case let error as RobotError: CommandFailure(code(of: error), error.description)
    default: nil
    }
  }

  private static func code(of error: RobotError) -> ExitCode {
    switch error.code {
    case .shuttingDown: .unavailable
    // The warm-up found that the weights answer nothing that a robot could execute.
    case .invalidAction: .badData
    default: .fault
    }
  }

  private static func code(of error: ImportError) -> ExitCode {
    switch error.code {
    case .noSpace, .unwritableFile: .unwritable
    default: .badData
    }
  }
}
