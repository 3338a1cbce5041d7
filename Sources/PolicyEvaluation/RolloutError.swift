import Files

/// Why a rollout could not be begun or carried through.
public struct RolloutError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What went wrong; new codes may be added, so match with `==` and keep a default.
  public struct Code: RawRepresentable, Sendable, Hashable {
    /// The stable name of the code.
    public let rawValue: String

    /// Wraps a name that this version may not know.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The description of the rollout itself makes no sense (no task, no episode, a task named twice).
    public static let invalidPlan = Code(rawValue: "invalid_plan")
    /// No Python interpreter to run the simulated robot with.
    public static let pythonNotFound = Code(rawValue: "python_not_found")
    /// The robot process could not be started.
    public static let cannotStart = Code(rawValue: "cannot_start")
    /// The robot wrote a line that is no event.
    public static let malformedEvent = Code(rawValue: "malformed_event")
    /// The robot refused its command line.
    public static let usage = Code(rawValue: "usage")
    /// The robot cannot do what the policy's capabilities ask for.
    public static let capabilitiesDisagree = Code(rawValue: "capabilities_disagree")
    /// The robot and the daemon did not come to terms: no answer, or an error that the robot may not retry.
    public static let protocolFailure = Code(rawValue: "protocol_failure")
    /// The simulator is not installed, does not know the task, or broke.
    public static let environmentFailure = Code(rawValue: "environment_failure")
    /// The robot reported nothing for too long and was ended.
    public static let unresponsive = Code(rawValue: "unresponsive")
    /// The robot ended in a way that its contract does not name.
    public static let unexpectedExit = Code(rawValue: "unexpected_exit")
    /// A signal asked for the end.
    public static let interrupted = Code(rawValue: "interrupted")
    /// A run's record could not be read.
    public static let cannotRead = Code(rawValue: "cannot_read")
    /// The report could not be written.
    public static let cannotWrite = Code(rawValue: "cannot_write")
  }

  /// What kind of failure it is.
  public var code: Code
  /// The line, option, file or process at fault.
  public var subject: String
  /// What was expected, what was found, what to do.
  public var message: String

  /// Creates an error from its three parts.
  public init(_ code: Code, _ subject: String, _ message: String) {
    self.code = code
    self.subject = subject
    self.message = message
  }

  /// The same fault of a file.
  init(_ error: FileError) { self.init(.cannotWrite, error.path, error.message) }

  /// The error on one line.
  public var description: String { "\(code.rawValue): \(subject): \(message)" }
}
