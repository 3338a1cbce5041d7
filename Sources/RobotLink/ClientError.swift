public import RobotInterface

/// Why a ``RobotClient`` has no answer to give.
public enum ClientError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The daemon answered with an error.
  case refused(RobotError)
  /// No answer within this time; the daemon may still work on the request. Hold, and observe again.
  case timedOut(after: Duration)
  /// The daemon closed the connection, or has ended, before its answer. Whether it still runs is not known.
  case disconnected
  /// The daemon lets nobody in with this key, or without one; the sentence says which. It does not change by asking again.
  case notAdmitted(String)
  /// The request breaks the protocol and was not sent.
  case invalidRequest(RobotError)
  /// The address is not one, or the socket failed.
  case transport(RobotError)
  /// The daemon's answer breaks the protocol, or is of the wrong kind.
  case invalidReply(RobotError)
  /// The commands came after their deadline on the robot's clock, by this time. Hold, and observe again.
  case late(by: Duration)
  /// The daemon does not serve what was agreed upon with ``RobotClient/hello(clientName:clientVersion:)`` any more; the sentence says
  /// what differs. Hold; compare the new capabilities with the robot before it moves again.
  case policyChanged(String)

  /// One line for a person.
  public var description: String {
    switch self {
    case .refused(let error): "the daemon refused: \(error)"
    case .timedOut(let duration): "the daemon did not answer within \(duration)"
    case .disconnected: "the daemon closed the connection before its answer; it has ended or was started anew"
    case .notAdmitted(let reason): "not let in: \(reason)"
    case .invalidRequest(let error): "the request is not valid: \(error)"
    case .transport(let error): "the link failed: \(error)"
    case .invalidReply(let error): "the daemon's answer is not valid: \(error)"
    case .late(let duration): "the commands came \(duration) after their deadline"
    case .policyChanged(let difference): "the daemon serves another policy than the one agreed upon: \(difference)"
    }
  }
}
