public import AccessKeys
import CZeroMQ
public import RobotInterface

/// A server's end of ZeroMQ: one address that any number of REQ and DEALER clients talk to. What their messages say is not looked at.
///
/// Owned by one thread at a time. Where another one shall be able to interrupt ``receive(timeout:)``, the socket is made with a
/// `WakeUp`; whoever waits for ``descriptor()`` instead needs none. A message may be up to
/// ``Options/maximumMessageBytes``; a somewhat larger one (``Options/hardLimit``) is received and reported as
/// ``Incoming/tooLarge(_:beginning:bytes:)`` so that it can be answered, and libzmq disconnects who sends even more.
///
/// Robots go by the names that libzmq makes up for their connections. A peer that gives itself the name of another one waits until that
/// one has gone, and never gets its replies.
public struct RouterSocket: ~Copyable, Sendable {
  /// What can be chosen before the socket is bound.
  public struct Options: Sendable {
    /// Bytes of one request, above 0.
    public var maximumMessageBytes = ProtocolLimits.maximumMessageBytes
    /// Requests that libzmq keeps for each client before that client has to wait; fewer where they are large, so that they have
    /// ``maximumWaitingBytes`` at most.
    public var receiveHighWaterMark: Int32 = 16
    /// Replies that libzmq keeps for each client before further ones are dropped.
    public var sendHighWaterMark: Int32 = 64
    /// How long closing the socket waits for replies to leave, milliseconds.
    public var lingerMilliseconds: Int32 = 500
    /// Connections of one IP address at most, at least 1; further ones are refused. All loopback addresses count as one, and so do those of
    /// an IPv6 network of 64 bits. There is no such limit on ipc addresses.
    public var maximumConnectionsPerAddress = 256
    /// Whether an address may be bound that other machines can reach although nobody is authenticated.
    public var allowsOtherMachines = false
    /// Who may connect, on whichever address: everything is encrypted by CURVE then, and ``Peer/key`` says who it is. `nil`: anybody.
    public var keys: KeyRing?

    /// The defaults of each property.
    public init() {}

    /// Bytes of the requests that wait of one client.
    static let maximumWaitingBytes = 16 << 20
    /// How many times the limit a message may be and still be answered, where that is not more than ``maximumWaitingBytes`` above it.
    static let hardLimitFactor = 4

    /// Bytes of a message beyond which libzmq disconnects who sends it.
    public var hardLimit: Int {
      let limit = max(1, maximumMessageBytes)
      let (product, isHuge) = limit.multipliedReportingOverflow(by: Self.hardLimitFactor)
      let (sum, isHugeSum) = limit.addingReportingOverflow(Self.maximumWaitingBytes)
      return min(isHuge ? .max : product, isHugeSum ? .max : sum)
    }

    /// Makes sure that only those can reach an address who shall.
    ///
    /// - Throws: `.unsupported` for one that other machines can reach, unless that is allowed or there are keys.
    package func check(_ endpoint: Endpoint) throws(RobotError) {
      guard endpoint.isLocal || allowsOtherMachines || keys != nil else {
        throw RobotError(
          .unsupported, "\(endpoint)",
          "other machines can reach this address, and nobody is authenticated there; listen at 127.0.0.1, [::1] or an ipc address"
        )
      }
    }

    /// As ``receiveHighWaterMark`` says, or fewer; never 0, which would be no limit.
    var boundedReceiveHighWaterMark: Int32 {
      let fitting = Int32(clamping: Self.maximumWaitingBytes / max(1, maximumMessageBytes))
      return max(1, min(receiveHighWaterMark, max(2, fitting)))
    }
  }

  /// Where a reply has to go.
  public struct Peer: Sendable, Hashable {
    /// The connection, as libzmq names it; a robot that reconnects gets a new one.
    public var identity: [UInt8]
    /// Whether the client is a REQ socket, which puts an empty frame before each message and expects one.
    public var hasDelimiter: Bool
    /// The public key that the client has proven to hold; `nil` where nobody is authenticated.
    public var key: String?

    /// Collects the parts.
    public init(identity: [UInt8], hasDelimiter: Bool, key: String? = nil) {
      self.identity = identity
      self.hasDelimiter = hasDelimiter
      self.key = key
    }
  }

  /// What came in.
  public enum Incoming: Sendable, Hashable {
    /// One message of acceptable size; not looked into.
    case message(Peer, [UInt8])
    /// One message of `bytes` bytes, more than ``Options/maximumMessageBytes``, with its first kilobyte.
    case tooLarge(Peer, beginning: [UInt8], bytes: Int)
    /// Not one message in one frame.
    case malformed(Peer, RobotError)
  }

  /// Where the socket listens, with a wildcard port resolved.
  public let endpoint: Endpoint

  private let wakeUp: WakeUp?
  private let options: Options
  private let gate: ConnectionGate?
  private let file: SocketFile?
  private var socket: ZeroMQSocket

  /// Binds to `endpoint`.
  ///
  /// - Parameter wakeUp: interrupts ``receive(timeout:)`` from another thread.
  /// - Throws: `.unsupported` for an address that other machines can reach, unless that is allowed; `.internal` with the address as
  ///   subject and the reason, such as that it is in use.
  public init(endpoint: Endpoint, options: Options = Options(), wakeUp: WakeUp? = nil) throws(RobotError) {
    try options.check(endpoint)
    let context = try ZeroMQContext()
    var socket = try ZeroMQSocket(
      .router, context: context, options: Self.settings(options), maximumFrameBytes: Int64(options.hardLimit))
    var listening = try Listening(endpoint)
    var gate: ConnectionGate?
    do throws(RobotError) {
      if let keys = options.keys {
        try socket.serve(with: keys.daemonPair)
        socket.readsPeers = true
      }
      var port: UInt16?
      if case .tcp(_, let bound) = listening.endpoint.place { port = bound }
      if port != nil || options.keys != nil {
        gate = try ConnectionGate(
          context, port: port, limit: options.maximumConnectionsPerAddress, keys: options.keys, router: &socket)
        try socket.set(ZMQ_ZAP_DOMAIN, to: ConnectionGate.domain)
      }
      try socket.listen(at: &listening)
    } catch {
      gate?.stop()
      throw error
    }
    self.endpoint = listening.endpoint
    self.wakeUp = wakeUp
    self.options = options
    self.gate = gate
    self.socket = socket
    file = listening.file
  }

  /// As ``init(endpoint:options:wakeUp:)``, with an address that is still a text.
  ///
  /// - Throws: also `.malformed` when it is not an address.
  public init(endpoint: String, options: Options = Options(), wakeUp: WakeUp? = nil) throws(RobotError) {
    try self.init(endpoint: Endpoint(endpoint, for: .listen), options: options, wakeUp: wakeUp)
  }

  /// Whether clients that connect to the address come here: the file of an ipc address can be removed, or replaced, or its folder renamed.
  /// The answer may be asked for on any thread, also after the socket is closed, and never keeps the socket's own waiting.
  package var reachability: @Sendable () -> Bool {
    let file = file
    return { [weak file] in file?.isInPlace ?? true }
  }

  deinit { gate?.stop() }

  private static func settings(_ options: Options) -> [(Int32, Int32)] {
    [
      (ZMQ_LINGER, options.lingerMilliseconds),
      (ZMQ_RCVHWM, options.boundedReceiveHighWaterMark),
      (ZMQ_SNDHWM, options.sendHighWaterMark),
      // A reply to a client that has gone is reported instead of vanishing.
      (ZMQ_ROUTER_MANDATORY, 1),
      // Otherwise who takes a robot's name gets its commands.
      (ZMQ_ROUTER_HANDOVER, 0),
      // Who connects and says nothing is soon gone again.
      (ZMQ_HANDSHAKE_IVL, 5_000),
    ] + ZeroMQSocket.keepAlive
  }

  /// Waits for the next message.
  ///
  /// - Parameter timeout: `nil`: for ever; `.zero`: do not wait.
  /// - Returns: the message, or `nil` after the timeout, after a signal of its `WakeUp`, or when a signal handler ran.
  /// - Throws: `.internal` when the socket has failed for good.
  public mutating func receive(timeout: Duration?) throws(RobotError) -> Incoming? {
    if let incoming = try receiveNow() { return incoming }
    guard timeout != .zero, try waitToReceive(timeout: timeout) else { return nil }
    return try receiveNow()
  }

  private mutating func receiveNow() throws(RobotError) -> Incoming? {
    guard let frames = try socket.receive(maximumBytes: options.maximumMessageBytes), let identity = frames.first else {
      return nil
    }
    let hasDelimiter = frames.count > 2 && frames[1].size == 0
    let peer = Peer(identity: identity.bytes, hasDelimiter: hasDelimiter, key: frames.last?.peer)
    let payloads = frames.dropFirst(hasDelimiter ? 2 : 1)
    guard let payload = payloads.first, payloads.count == 1 else {
      return .malformed(peer, RobotError(.malformed, "message", "a request is exactly one frame after the identity"))
    }
    guard payload.size <= options.maximumMessageBytes else {
      return .tooLarge(peer, beginning: payload.bytes, bytes: payload.size)
    }
    return .message(peer, payload.bytes)
  }

  /// Becomes readable when a message may have come after ``receive(timeout:)`` had none, with nothing sent in between.
  ///
  /// - Throws: `.internal` with libzmq's reason.
  package mutating func descriptor() throws(RobotError) -> Int32 { try socket.option(ZMQ_FD) }

  /// Whether the last message that was received had not come to its end, although more of it is here.
  package var hasUnreadFrames: Bool { socket.hasUnreadFrames }

  /// How long closing the socket waits from now on for replies to leave.
  ///
  /// - Throws: `.internal` with libzmq's reason.
  package mutating func linger(for time: Duration) throws(RobotError) {
    try socket.set(ZMQ_LINGER, to: Int32(clamping: time.wholeMilliseconds))
  }

  /// Waits until a message can be received.
  ///
  /// - Returns: whether one can.
  /// - Throws: `.internal` when the socket has failed for good.
  package mutating func waitToReceive(timeout: Duration?) throws(RobotError) -> Bool {
    try socket.waitToReceive(timeout: timeout, wakeUp: wakeUp)
  }

  /// One of libzmq's integer options, as it is set now.
  ///
  /// - Throws: `.internal` with libzmq's reason.
  package mutating func option(_ option: Int32) throws(RobotError) -> Int32 { try socket.option(option) }

  /// Sends one message to one client; never waits.
  ///
  /// - Returns: what became of the message; unless sent it is dropped.
  /// - Throws: `.internal` when the socket has failed for good.
  public mutating func deliver(_ payload: [UInt8], to peer: Peer) throws(RobotError) -> Delivery {
    try socket.deliver(peer.hasDelimiter ? [peer.identity, [], payload] : [peer.identity, payload])
  }
}
