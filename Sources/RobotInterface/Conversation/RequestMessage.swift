/// What a robot asks of the daemon. Every request gets exactly one final ``ReplyMessage`` with the same ids.
public struct RequestMessage: Sendable, Hashable {
  /// Chosen by the client and echoed, so that a client can match replies with requests.
  public var requestID: UInt64
  /// Chosen by the client, 1...``ProtocolLimits/maximumSessionIDBytes`` printable ASCII characters; sessions are isolated from
  /// each other.
  public var sessionID: String
  /// Proves that the client owns its session: chosen by itself and sent with its first `hello`, or ``Capabilities/sessionToken``. Empty
  /// when the client has none.
  public var sessionToken: [UInt8]
  /// The question itself.
  public var body: Body

  /// Collects the parts; nothing is checked before ``encoded()``.
  public init(requestID: UInt64, sessionID: String, sessionToken: [UInt8] = [], body: Body) {
    self.requestID = requestID
    self.sessionID = sessionID
    self.sessionToken = sessionToken
    self.body = body
  }

  /// What can be asked.
  public enum Body: Sendable, Hashable {
    /// Asks what the daemon drives; answered with capabilities once the policy is warm. `sentAt` is in nanoseconds on the
    /// robot's monotonic clock; 0: not known.
    case hello(clientName: String, clientVersion: String, sentAt: UInt64 = 0)
    /// What the robot sees and feels; answered with an action chunk.
    case observation(Observation)
    /// Begins a new episode of the session; a latched stop stays.
    case reset
    /// Latches a stop until ``resume``.
    case stop(reason: String)
    /// Clears a latched stop.
    case resume
    /// Lets sessions that the daemon does not know begin unstopped again, after it had to forget stops; for the operator.
    case resumeUnknown
    /// Gives the session up: nobody owns it any more. A latched stop stays.
    case release
    /// Runs the model on its own, without a robot.
    case generate(GenerationRequest)
    /// Ends the session's own generation that came as request `requestID`; its final reply says what it had said so far.
    case cancel(requestID: UInt64)
  }
}
