import RobotInterface

/// What a robot asks of the daemon. Every request gets exactly one final ``ReplyMessage`` with the same ids.
public struct RequestMessage: Sendable, Hashable {
  /// Chosen by the client and echoed, so that a client can match replies with requests.
  public var requestID: UInt64
  /// Chosen by the client, 1...``ProtocolLimits/maximumSessionIDBytes`` bytes of UTF-8; sessions are isolated from each other.
  public var sessionID: String
  /// The question itself.
  public var body: Body

  /// Collects the parts; nothing is checked before ``encoded()``.
  public init(requestID: UInt64, sessionID: String, body: Body) {
    self.requestID = requestID
    self.sessionID = sessionID
    self.body = body
  }

  /// What can be asked.
  public enum Body: Sendable, Hashable {
    /// Asks what the daemon drives; answered with capabilities once the policy is warm.
    case hello(clientName: String, clientVersion: String)
    /// What the robot sees and feels; answered with an action chunk.
    case observation(Observation)
    /// Begins a new episode of the session; a latched stop stays.
    case reset
    /// Latches a stop until ``resume``.
    case stop(reason: String)
    /// Clears a latched stop.
    case resume
    /// Runs the model on its own, without a robot.
    case generate(GenerationRequest)
    /// Ends the session's own generation that came as request `requestID`; its final reply says what it had said so far.
    case cancel(requestID: UInt64)
  }
}
