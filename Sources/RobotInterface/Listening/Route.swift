/// Where a reply has to go. What is in it is its listener's own business; everybody else keeps it and hands it back.
public struct Route: Sendable, Hashable {
  /// Which of the daemon's listeners it belongs to; the daemon fills it in.
  package var listener = 0
  /// The connection, in the listener's own terms. One that has ended does not come again.
  public let connection: [UInt8]
  /// Who has proven to be at the other end; `nil` on a wire where nobody is authenticated.
  public let peer: PeerIdentity?

  /// - Parameters:
  ///   - connection: what the listener needs to find the client again, and nothing that two clients share.
  ///   - peer: who it is, if that was proven.
  public init(connection: [UInt8], peer: PeerIdentity? = nil) {
    self.connection = connection
    self.peer = peer
  }
}

/// Somebody whose key the daemon knows.
public struct PeerIdentity: Sendable, Hashable {
  /// What a key permits.
  public enum Role: String, Sendable, Hashable, CaseIterable {
    /// To stop anybody; to greet, observe, reset and release on sessions of its own.
    case robot
    /// That; to resume, reset and release any session; to ask the model, and to see what happens (events).
    case `operator`
  }

  /// The key's name, for people and for logs.
  public var name: String
  /// What the key permits.
  public var role: Role

  /// Collects the parts.
  public init(name: String, role: Role) {
    self.name = name
    self.role = role
  }
}

/// A request that a wire could not read, with as much of it as an answer needs.
public struct UnreadableRequest: Error, Sendable, Hashable {
  /// 0 when it could not be read.
  public var requestID: UInt64
  /// Empty when it could not be read.
  public var sessionID: String
  /// What is wrong with it; the answer.
  public var error: RobotError

  /// Collects the parts.
  public init(requestID: UInt64 = 0, sessionID: String = "", error: RobotError) {
    self.requestID = requestID
    self.sessionID = sessionID
    self.error = error
  }
}

/// Something that came in on a wire.
public enum Arrival: Sendable, Hashable {
  /// A request, or what is wrong with one; `arrivedAt` is when, in nanoseconds on ``MonotonicClock``, before anything was decoded.
  case request(Route, Result<RequestMessage, UnreadableRequest>, arrivedAt: UInt64)
  /// Nobody reads the replies of this route any more.
  case gone(Route)
}
