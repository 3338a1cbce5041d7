import CZeroMQ
import RobotInterface

/// The daemon's end of the link: one address that any number of REQ and DEALER clients talk to.
///
/// Owned by one thread at a time; another thread asks for attention with ``wakeUp``. A message may be up to
/// ``Options/maximumMessageBytes``; one of up to ``hardLimitFactor`` times that is received and reported as
/// ``Incoming/tooLarge(_:header:bytes:)`` so that it can be answered, and libzmq disconnects who sends even more.
public struct RouterSocket: ~Copyable, Sendable {
  /// What can be chosen before the socket is bound.
  public struct Options: Sendable, Hashable {
    /// Bytes of one request, above 0.
    public var maximumMessageBytes = ProtocolLimits.maximumMessageBytes
    /// Requests that libzmq keeps for each client before that client has to wait.
    public var receiveHighWaterMark: Int32 = 16
    /// Replies that libzmq keeps for each client before further ones are dropped.
    public var sendHighWaterMark: Int32 = 64
    /// How long closing the socket waits for replies to leave, milliseconds.
    public var lingerMilliseconds: Int32 = 500

    /// The defaults of each property.
    public init() {}
  }

  /// Where a reply has to go.
  public struct Route: Sendable, Hashable {
    /// The connection, as libzmq names it; a robot that reconnects gets a new one.
    public var identity: [UInt8]
    /// Whether the client is a REQ socket, which puts an empty frame before each message and expects one.
    public var hasDelimiter: Bool

    /// Collects the parts.
    public init(identity: [UInt8], hasDelimiter: Bool) {
      self.identity = identity
      self.hasDelimiter = hasDelimiter
    }
  }

  /// What came in.
  public enum Incoming: Sendable, Hashable {
    /// One message of acceptable size; not looked into.
    case message(Route, [UInt8])
    /// One message of `bytes` bytes, more than ``Options/maximumMessageBytes``, with as much of its header as could be read.
    case tooLarge(Route, header: MessageHeader, bytes: Int)
    /// Not one message in one frame.
    case malformed(Route, RobotError)
  }

  /// How far over the limit a message may be and still be answered.
  public static let hardLimitFactor = 4

  /// Where the socket listens, with a wildcard port resolved.
  public let endpoint: String
  /// Interrupts ``receive(timeout:)`` from another thread.
  public let wakeUp: WakeUp

  private let options: Options
  private var socket: ZeroMQSocket

  /// Binds to `endpoint` (`tcp://host:port` with port `*` for any, or `ipc://path`).
  ///
  /// - Throws: `.internal` with the address as subject and libzmq's reason.
  public init(endpoint: String, options: Options = Options()) throws(RobotError) {
    var options = options
    // libzmq takes a negative limit for none at all.
    options.maximumMessageBytes = max(1, options.maximumMessageBytes)
    let hardLimit = Int64(clamping: options.maximumMessageBytes).multipliedReportingOverflow(
      by: Int64(Self.hardLimitFactor))
    let wakeUp = try WakeUp()
    var socket = try ZeroMQSocket(
      .router,
      options: [
        (ZMQ_LINGER, options.lingerMilliseconds),
        (ZMQ_RCVHWM, options.receiveHighWaterMark),
        (ZMQ_SNDHWM, options.sendHighWaterMark),
        // A reply to a client that has gone is reported instead of vanishing.
        (ZMQ_ROUTER_MANDATORY, 1),
        // A robot with an identity of its own that lost its connection must get in again before TCP notices.
        (ZMQ_ROUTER_HANDOVER, 1),
        (ZMQ_HEARTBEAT_IVL, 2_000),
        (ZMQ_HEARTBEAT_TIMEOUT, 6_000),
        (ZMQ_IPV6, 1),
      ],
      maximumFrameBytes: hardLimit.overflow ? .max : hardLimit.partialValue)
    try socket.bind(endpoint)
    self.endpoint = socket.lastEndpoint()
    self.wakeUp = wakeUp
    self.options = options
    self.socket = socket
  }

  /// Waits for the next message.
  ///
  /// - Parameter timeout: `nil`: for ever; `.zero`: do not wait.
  /// - Returns: the message, or `nil` after the timeout, after a ``WakeUp/signal()``, or when a signal handler ran.
  /// - Throws: `.internal` when the socket has failed for good.
  public mutating func receive(timeout: Duration?) throws(RobotError) -> Incoming? {
    if timeout != .zero, try !socket.waitToReceive(timeout: timeout, wakeUp: wakeUp) { return nil }
    guard let frames = try socket.receive(maximumBytes: options.maximumMessageBytes), let identity = frames.first else {
      return nil
    }
    let hasDelimiter = frames.count > 2 && frames[1].size == 0
    let route = Route(identity: identity.bytes, hasDelimiter: hasDelimiter)
    let payloads = frames.dropFirst(hasDelimiter ? 2 : 1)
    guard let payload = payloads.first, payloads.count == 1 else {
      return .malformed(route, RobotError(.malformed, "message", "a request is exactly one frame after the identity"))
    }
    guard payload.size <= options.maximumMessageBytes else {
      return .tooLarge(route, header: .peek(payload.bytes), bytes: payload.size)
    }
    return .message(route, payload.bytes)
  }

  /// Sends one message to one client; never waits.
  ///
  /// - Returns: what became of the message; unless sent it is dropped.
  /// - Throws: `.internal` when the socket has failed for good.
  public mutating func deliver(_ payload: [UInt8], to route: Route) throws(RobotError) -> Delivery {
    try socket.deliver(route.hasDelimiter ? [route.identity, [], payload] : [route.identity, payload])
  }

  /// As ``deliver(_:to:)``; whether the message was sent.
  public mutating func send(_ payload: [UInt8], to route: Route) throws(RobotError) -> Bool {
    try deliver(payload, to: route) == .sent
  }
}
