/// The daemon's answer to one ``RequestMessage``.
public struct ReplyMessage: Sendable, Hashable {
  /// Echo of ``RequestMessage/requestID``; 0 when the request was too broken to read it.
  public var requestID: UInt64
  /// Echo of ``RequestMessage/sessionID``; empty when the request was too broken to read it.
  public var sessionID: String
  /// Nanoseconds on the daemon's clock when the reply left; 0: not known.
  public var sentAt: UInt64
  /// The answer itself.
  public var body: Body

  /// Collects the parts; nothing is checked before ``encoded()``.
  public init(requestID: UInt64, sessionID: String, sentAt: UInt64 = 0, body: Body) {
    self.requestID = requestID
    self.sessionID = sessionID
    self.sentAt = sentAt
    self.body = body
  }

  /// What can be answered.
  public enum Body: Sendable, Hashable {
    /// To `hello`.
    case capabilities(Capabilities)
    /// To `observation`.
    case actionChunk(ActionChunk)
    /// To `reset`, `stop`, `resume` and `cancel`; says whether the session's stop is latched now.
    case acknowledgement(stopped: Bool)
    /// To `generate`.
    case generation(GenerationResult)
    /// To `generate`, before the final reply, when the request asks for it.
    case progress(GenerationProgress)
    /// To anything that could not be done.
    case error(RobotError)

    /// Whether this ends the request: all but progress.
    public var isFinal: Bool {
      if case .progress = self { false } else { true }
    }
  }
}
