import RobotInterface
import RobotPolicy
import Tensors
import UnifiedIO

extension CommandFailure {
  /// The failures of model, policy and daemon.
  static func modelFailure(_ error: any Error) -> CommandFailure? {
    switch error {
    case let error as ModelError: CommandFailure(.badData, error.description)
    case let error as TensorError: CommandFailure(.badData, error.description)
    case let error as PolicyError: CommandFailure(.badData, error.description)
    case let error as RobotError: CommandFailure(.fault, error.description)
    default: nil
    }
  }
}
