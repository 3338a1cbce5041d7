/// Why a request got no action: a code from a closed list, the thing at fault, and a sentence a person can act on.
public struct RobotError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Raw values are those of `ErrorCode` on the wire.
  public enum Code: Int32, Sendable, Hashable, CaseIterable {
    case malformed = 1
    case unsupportedVersion = 2
    case tooLarge = 3
    case invalidSession = 4
    case unknownCamera = 5
    case missingCamera = 6
    case invalidImage = 7
    case invalidProprioception = 8
    case invalidInstruction = 9
    case outOfOrder = 10
    case staleObservation = 11
    case frozenCamera = 12
    case stopped = 13
    case superseded = 14
    case invalidAction = 15
    case shuttingDown = 16
    case overloaded = 17
    case unsupported = 18
    case `internal` = 19
    case unknownRequest = 20
    case invalidAudio = 21
    case unknownInstruction = 22
    case notOwner = 23
  }

  public var code: Code
  /// The field or thing at fault, e.g. `observation.frames[1].camera`.
  public var subject: String
  public var message: String

  public init(_ code: Code, _ subject: String, _ message: String) {
    self.code = code
    self.subject = subject
    self.message = message
  }

  public var description: String { "\(code): \(subject): \(message)" }
}
