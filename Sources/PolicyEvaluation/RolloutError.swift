@_exported import Faults
import Files

/// Why a rollout could not be begun or carried through.
public typealias RolloutError = Fault<RolloutErrorCode>

/// What went wrong; new codes may be added, so match with `==` and keep a default.
public struct RolloutErrorCode: RawRepresentable, FaultCode {
  /// The stable name of the code.
  public let rawValue: String

  /// Wraps a name that this version may not know.
  public init(rawValue: String) { self.rawValue = rawValue }

  /// The description of the rollout itself makes no sense (no task, no episode, a task named twice).
  public static let invalidPlan = Self(rawValue: "invalid_plan")
  /// No Python interpreter to run the simulated robot with.
  public static let pythonNotFound = Self(rawValue: "python_not_found")
  /// The robot process could not be started.
  public static let cannotStart = Self(rawValue: "cannot_start")
  /// The robot wrote a line that is no event.
  public static let malformedEvent = Self(rawValue: "malformed_event")
  /// The robot refused its command line.
  public static let usage = Self(rawValue: "usage")
  /// The robot cannot do what the policy's capabilities ask for.
  public static let capabilitiesDisagree = Self(rawValue: "capabilities_disagree")
  /// The robot and the daemon did not come to terms: no answer, or an error that the robot may not retry.
  public static let protocolFailure = Self(rawValue: "protocol_failure")
  /// The simulator is not installed, does not know the task, or broke.
  public static let environmentFailure = Self(rawValue: "environment_failure")
  /// The robot reported nothing for too long and was ended.
  public static let unresponsive = Self(rawValue: "unresponsive")
  /// The robot ended in a way that its contract does not name.
  public static let unexpectedExit = Self(rawValue: "unexpected_exit")
  /// A signal asked for the end.
  public static let interrupted = Self(rawValue: "interrupted")
  /// A run's record could not be read.
  public static let cannotRead = Self(rawValue: "cannot_read")
  /// The report could not be written.
  public static let cannotWrite = Self(rawValue: "cannot_write")
}

extension RolloutError {
  /// The same fault of a file.
  init(_ error: FileError) { self.init(error, as: .cannotWrite) }
}
