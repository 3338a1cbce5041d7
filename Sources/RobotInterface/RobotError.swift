@_exported import Faults

/// Why a request got no action: a code from a closed list, the thing at fault, and a sentence a person can act on.
public typealias RobotError = Fault<RobotErrorCode>

/// Raw values are those of `ErrorCode` on the wire.
public enum RobotErrorCode: Int32, CaseIterable, CustomStringConvertible, FaultCode {
  /// Not a request, or a field that breaks the protocol.
  case malformed = 1
  /// Another version of the protocol.
  case unsupportedVersion = 2
  /// More bytes than are read.
  case tooLarge = 3
  /// No name for a session.
  case invalidSession = 4
  /// A picture of a camera that the policy does not have.
  case unknownCamera = 5
  /// A camera's picture is not there.
  case missingCamera = 6
  /// A picture that cannot be read, or is not what was said of it.
  case invalidImage = 7
  /// Measured values that are too many, too few, or out of range.
  case invalidProprioception = 8
  /// An instruction that cannot be read.
  case invalidInstruction = 9
  /// An observation that is not newer than the last one.
  case outOfOrder = 10
  /// An observation that is too old.
  case staleObservation = 11
  /// A camera that shows the same picture while the robot moves.
  case frozenCamera = 12
  /// The session is stopped.
  case stopped = 13
  /// A newer request of the same session took its place.
  case superseded = 14
  /// The model's answer could not be turned into a safe action.
  case invalidAction = 15
  /// The daemon ends.
  case shuttingDown = 16
  /// Too many sessions or requests.
  case overloaded = 17
  /// Something that is not done here.
  case unsupported = 18
  /// A fault of the daemon, its policy or the system.
  case `internal` = 19
  /// Nothing to cancel.
  case unknownRequest = 20
  /// A sound that cannot be read.
  case invalidAudio = 21
  /// None of the sentences that the policy knows.
  case unknownInstruction = 22
  /// The session belongs to another client.
  case notOwner = 23

  /// As ``description``.
  public var name: String { description }

  /// The name that the protocol has for it and that every wire says, such as `frozen_camera`.
  public var description: String {
    switch self {
    case .malformed: "malformed"
    case .unsupportedVersion: "unsupported_version"
    case .tooLarge: "too_large"
    case .invalidSession: "invalid_session"
    case .unknownCamera: "unknown_camera"
    case .missingCamera: "missing_camera"
    case .invalidImage: "invalid_image"
    case .invalidProprioception: "invalid_proprioception"
    case .invalidInstruction: "invalid_instruction"
    case .outOfOrder: "out_of_order"
    case .staleObservation: "stale_observation"
    case .frozenCamera: "frozen_camera"
    case .stopped: "stopped"
    case .superseded: "superseded"
    case .invalidAction: "invalid_action"
    case .shuttingDown: "shutting_down"
    case .overloaded: "overloaded"
    case .unsupported: "unsupported"
    case .internal: "internal"
    case .unknownRequest: "unknown_request"
    case .invalidAudio: "invalid_audio"
    case .unknownInstruction: "unknown_instruction"
    case .notOwner: "not_owner"
    }
  }
}
