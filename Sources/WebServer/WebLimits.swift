/// What clients may cost. Every limit holds for each connection unless it says otherwise.
public struct WebLimits: Sendable, Hashable {
  /// Connections in all.
  public var connections = 256
  /// Connections from one IPv4 address, or one IPv6 network of 64 bits.
  public var connectionsOfOnePeer = 64
  /// Bytes of a request with its headers.
  public var requestBytes = 16 * 1024
  /// Bytes of one websocket message, in however many frames.
  public var messageBytes = 64 << 20
  /// Messages that nobody has taken yet; then nothing more is read from that connection until one is. What the last read brought is
  /// kept beyond it.
  public var waitingMessages = 8
  /// Bytes of unfinished and of waiting messages, of all connections together. Whose message would go beyond is closed with 1013.
  public var bufferedBytes = 256 << 20
  /// Bytes that a client has not read yet; then ``WebServer/send(_:to:)`` says `.full`.
  public var unsentBytes = 8 << 20
  /// From the connection to the end of its request, and from the answer to the end of the connection.
  public var requestTimeout = Duration.seconds(10)
  /// From a message's first byte to its last.
  public var messageTimeout = Duration.seconds(30)
  /// How long a client may not read while there is something for it.
  public var writeTimeout = Duration.seconds(30)
  /// How long a client may say nothing at all. It is sent a ping after half of that, which all clients answer by themselves.
  public var idleTimeout = Duration.seconds(600)
  /// From our closing frame, or the last bytes that the client has sent after it, to the end of the connection. Who goes on sending has
  /// ``messageTimeout`` for all of it.
  public var closeTimeout = Duration.seconds(2)

  /// The limits above.
  public init() {}

  /// How often deadlines are looked at: often enough for the shortest.
  var tick: Duration {
    let shortest = min(requestTimeout, messageTimeout, writeTimeout, idleTimeout, closeTimeout)
    return max(.milliseconds(5), min(.milliseconds(250), shortest / 4))
  }
}

/// What a server has done so far, for metrics.
public struct WebStatistics: Sendable, Hashable {
  /// Open connections, websockets or not.
  public var connections = 0
  /// Open websockets.
  public var sockets = 0
  /// Connections since the start.
  public var accepted = 0
  /// Connections that went beyond a limit.
  public var refused = 0
  /// Requests that were answered with a status of 400 or above.
  public var failedRequests = 0
  /// Messages received.
  public var messages = 0
  /// Bytes of messages received.
  public var messageBytes = 0
  /// Bytes of messages that nobody got: too large, no text, or more than there is memory for.
  public var rejectedBytes = 0
  /// Websockets that this side closed for cause, by close code.
  public var closedForCause: [Int: Int] = [:]
  /// Bytes of unfinished and waiting messages now.
  public var bufferedBytes = 0

  init() {}
}
