import AccessKeys
import CZeroMQ
package import RobotInterface

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// One ZeroMQ socket. Only this file and ``ZeroMQContext``'s call libzmq.
///
/// libzmq allows a socket on one thread at a time. The type is not copyable and its methods mutate it, so that Swift's
/// exclusivity rule says the same; that is why it may be sent to another thread.
package struct ZeroMQSocket: ~Copyable, @unchecked Sendable {
  /// The socket types in use.
  package enum Kind: Sendable {
    case router, dealer, request, reply, pair, publish, subscribe

    fileprivate var code: Int32 {
      switch self {
      case .router: ZMQ_ROUTER
      case .dealer: ZMQ_DEALER
      case .request: ZMQ_REQ
      case .reply: ZMQ_REP
      case .pair: ZMQ_PAIR
      case .publish: ZMQ_PUB
      case .subscribe: ZMQ_SUB
      }
    }
  }

  /// One part of a message.
  package struct Frame: Sendable, Hashable {
    /// The bytes, or the first ``ZeroMQSocket/prefixBytes`` of them when there are more than was asked for.
    package var bytes: [UInt8]
    /// How many bytes came.
    package var size: Int
    /// What the authentication handler has called the peer, of the last frame of a message; `nil` unless ``ZeroMQSocket/readsPeers``.
    package var peer: String?
  }

  /// Why a connection came to nothing before the first message.
  package enum HandshakeFailure: Sendable, Hashable {
    /// The other side's authentication handler has refused, with this status of ZAP.
    case refused(status: Int32)
    /// One side encrypts and the other does not.
    case otherMechanism
    /// Something else that breaks the protocol, such as what was encrypted for another key.
    case broken
    /// The connection ended in the middle.
    case ended
  }

  /// How much is kept of a frame that is too large or that others follow: enough for an identity and for a message's header.
  package static let prefixBytes = 1024
  /// How many frames of one message are kept: identity, delimiter, payload, and one that is too many.
  package static let maximumFrames = 4
  /// How many frames one call takes off the socket: a message of a million frames is no reason to keep everyone else waiting.
  package static let framesPerCall = 256

  /// Options that find out, without a message, that the other machine has gone: within half a minute.
  ///
  /// Not ZeroMQ's own heartbeats: one that falls due after a client has reset its connection ends the process (libzmq 4.3.4,
  /// `stream_engine_base.cpp:331`).
  package static let keepAlive: [(Int32, Int32)] = [
    (ZMQ_TCP_KEEPALIVE, 1), (ZMQ_TCP_KEEPALIVE_IDLE, 10), (ZMQ_TCP_KEEPALIVE_INTVL, 5), (ZMQ_TCP_KEEPALIVE_CNT, 3),
    // The same while a message has not been acknowledged, milliseconds.
    (ZMQ_TCP_MAXRT, 25_000),
  ]

  private let context: ZeroMQContext
  private let handle: UnsafeMutableRawPointer
  /// The frames so far of a message that ``receive(maximumBytes:)`` has not come to the end of; `nil` between two messages.
  private var unfinished: [Frame]?
  /// Whether the last call of ``receive(maximumBytes:)`` gave up in the middle of a message, more of which is here.
  package private(set) var hasUnreadFrames = false
  /// Reports that connections have ended, or came to nothing, once ``watchConnection()`` was called.
  private var monitor: UnsafeMutableRawPointer?
  private var wasDisconnected = false
  private var handshakeFailure: HandshakeFailure?
  /// Whether ``Frame/peer`` is filled in.
  package var readsPeers = false

  /// - Parameters:
  ///   - context: shared with other sockets; one of its own when left out.
  ///   - options: libzmq's integer options, set before the socket is bound or connected.
  ///   - maximumFrameBytes: a peer that sends a larger frame is disconnected by libzmq without an answer.
  /// - Throws: `.internal` with libzmq's reason.
  package init(
    _ kind: Kind, context: ZeroMQContext? = nil, options: [(Int32, Int32)], maximumFrameBytes: Int64
  ) throws(RobotError) {
    // Nothing may throw once the fields are set: until then the handle is closed by hand.
    let context = if let context { context } else { try ZeroMQContext() }
    let handle = try context.makeSocket(kind.code)
    do throws(RobotError) {
      for (option, value) in options { try Self.set(option, to: value, on: handle) }
      try Self.set(ZMQ_MAXMSGSIZE, to: maximumFrameBytes, on: handle)
    } catch {
      zmq_close(handle)
      throw error
    }
    self.context = context
    self.handle = handle
  }

  private static func set<Value: BitwiseCopyable>(
    _ option: Int32, to value: Value, on handle: UnsafeMutableRawPointer
  ) throws(RobotError) {
    var value = value
    guard zmq_setsockopt(handle, option, &value, MemoryLayout<Value>.size) == 0 else {
      throw failure("option \(option)")
    }
  }

  deinit {
    if let monitor { zmq_close(monitor) }
    zmq_close(handle)
  }

  /// An integer option, as it is set now.
  ///
  /// - Throws: `.internal` with libzmq's reason.
  package mutating func option(_ option: Int32) throws(RobotError) -> Int32 {
    var value: Int32 = 0
    var size = MemoryLayout<Int32>.size
    guard zmq_getsockopt(handle, option, &value, &size) == 0 else { throw Self.failure("option \(option)") }
    return value
  }

  /// Sets an integer option that may be changed at any time.
  ///
  /// - Throws: `.internal` with libzmq's reason.
  package mutating func set(_ option: Int32, to value: Int32) throws(RobotError) {
    try Self.set(option, to: value, on: handle)
  }

  /// Sets an option that is a text.
  ///
  /// - Throws: `.internal` with libzmq's reason.
  package mutating func set(_ option: Int32, to text: String) throws(RobotError) {
    guard zmq_setsockopt(handle, option, text, text.utf8.count) == 0 else { throw Self.failure("option \(option)") }
  }

  private mutating func set(_ option: Int32, to bytes: [UInt8]) throws(RobotError) {
    guard zmq_setsockopt(handle, option, bytes, bytes.count) == 0 else { throw Self.failure("option \(option)") }
  }

  /// Speaks to clients with CURVE only, by the daemon's own key.
  ///
  /// - Throws: `.internal` with libzmq's reason.
  package mutating func serve(with pair: CurveKeyPair) throws(RobotError) {
    try set(ZMQ_CURVE_SERVER, to: 1)
    try set(ZMQ_CURVE_SECRETKEY, to: pair.secret)
  }

  /// Speaks to one daemon with CURVE only.
  ///
  /// - Throws: `.internal` with libzmq's reason.
  package mutating func identify(by key: ClientKey) throws(RobotError) {
    try set(ZMQ_CURVE_SERVERKEY, to: key.daemon.bytes)
    try set(ZMQ_CURVE_PUBLICKEY, to: key.pair.publicKey.bytes)
    try set(ZMQ_CURVE_SECRETKEY, to: key.pair.secret)
  }

  /// Accepts connections where somebody has begun to listen, and closes those descriptors in the end.
  ///
  /// - Throws: `.internal` with libzmq's reason.
  mutating func listen(at place: inout Listening) throws(RobotError) {
    while let descriptor = place.next {
      try Self.set(ZMQ_USE_FD, to: descriptor, on: handle)
      // libzmq 4.3.4 takes the descriptor as its listener's last step that can fail, so one that it refuses is still ours to close.
      guard zmq_bind(handle, place.endpoint.description) == 0 else { throw Self.failure("\(place.endpoint)") }
      place.handOver()
    }
  }

  /// Connects to `endpoint`, now or as soon as something listens there.
  ///
  /// - Throws: `.internal` with libzmq's reason.
  package mutating func connect(_ endpoint: Endpoint) throws(RobotError) {
    try Self.set(ZMQ_IPV6, to: Int32(endpoint.needsIPv6 ? 1 : 0), on: handle)
    guard zmq_connect(handle, endpoint.connectable) == 0 else { throw Self.failure(endpoint.description) }
  }

  /// Listens at an address that only sockets of the same context can reach.
  ///
  /// - Parameter name: libzmq's, with `inproc://`.
  /// - Throws: `.internal` with libzmq's reason.
  package mutating func bind(inProcess name: String) throws(RobotError) {
    guard zmq_bind(handle, name) == 0 else { throw Self.failure(name) }
  }

  /// Connects to such an address.
  ///
  /// - Throws: `.internal` with libzmq's reason.
  package mutating func connect(inProcess name: String) throws(RobotError) {
    guard zmq_connect(handle, name) == 0 else { throw Self.failure(name) }
  }

  private static let handshakeEvents =
    ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL

  /// Begins to notice that the other end closes the connection, see ``takeDisconnection()``, or refuses it, see ``takeHandshakeFailure()``;
  /// a second call changes nothing.
  ///
  /// - Throws: `.internal` with libzmq's reason.
  package mutating func watchConnection() throws(RobotError) {
    guard monitor == nil else { return }
    let name = try watch(ZMQ_EVENT_DISCONNECTED | Self.handshakeEvents)
    let monitor = try context.makeSocket(ZMQ_PAIR)
    guard zmq_connect(monitor, name) == 0 else {
      let error = Self.failure("monitor")
      zmq_close(monitor)
      throw error
    }
    self.monitor = monitor
  }

  /// A socket that receives a message for each handshake that fails; ``HandshakeFailure/init(event:)`` reads its first frame. It must be
  /// read for as long as this socket lives.
  ///
  /// - Throws: `.internal` with libzmq's reason.
  package mutating func handshakeMonitor() throws(RobotError) -> ZeroMQSocket {
    let name = try watch(Self.handshakeEvents)
    var monitor = try ZeroMQSocket(.pair, context: context, options: [(ZMQ_LINGER, 0)], maximumFrameBytes: -1)
    try monitor.connect(inProcess: name)
    return monitor
  }

  private func watch(_ events: Int32) throws(RobotError) -> String {
    let name = "inproc://monitor-\(UInt(bitPattern: handle))"
    guard zmq_socket_monitor(handle, name, events) == 0 else { throw Self.failure("monitor") }
    return name
  }

  /// Whether a connection has been closed since the last call. ZeroMQ connects again by itself; answers to what was asked before
  /// do not come any more.
  package mutating func takeDisconnection() -> Bool {
    drainMonitor()
    defer { wasDisconnected = false }
    return wasDisconnected
  }

  /// Why a connection came to nothing since the last call, the last time. After ``HandshakeFailure/refused(status:)`` ZeroMQ does not try
  /// again.
  package mutating func takeHandshakeFailure() -> HandshakeFailure? {
    drainMonitor()
    defer { handshakeFailure = nil }
    return handshakeFailure
  }

  private mutating func drainMonitor() {
    guard let monitor else { return }
    var event = [UInt8](repeating: 0, count: 256)
    // Each report is two frames: what has happened, and where.
    while case let count = zmq_recv(monitor, &event, event.count, ZMQ_DONTWAIT), count >= 0 {
      let report = Array(event.prefix(Int(count)))
      _ = zmq_recv(monitor, &event, event.count, ZMQ_DONTWAIT)
      if let failure = HandshakeFailure(event: report) { handshakeFailure = failure } else { wasDisconnected = true }
    }
  }

  /// Waits until a message can be received or `wakeUp` is signalled.
  ///
  /// - Parameter timeout: `nil`: for ever; rounded up to milliseconds.
  /// - Returns: whether a message can be received.
  /// - Throws: `.internal` with libzmq's reason.
  package mutating func waitToReceive(timeout: Duration?, wakeUp: WakeUp?) throws(RobotError) -> Bool {
    var items = [zmq_pollitem_t(socket: handle, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0)]
    if let wakeUp {
      items.append(zmq_pollitem_t(socket: nil, fd: wakeUp.readEnd, events: Int16(ZMQ_POLLIN), revents: 0))
    }
    try Self.poll(&items, timeout)
    if items.count > 1, items[1].revents != 0 { wakeUp?.drain() }
    return items[0].revents != 0
  }

  /// As ``waitToReceive(timeout:wakeUp:)``, also until ``takeHandshakeFailure()`` or ``takeDisconnection()`` may have something to tell.
  package mutating func waitForNews(timeout: Duration?) throws(RobotError) -> Bool {
    var items = [zmq_pollitem_t(socket: handle, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0)]
    if let monitor { items.append(zmq_pollitem_t(socket: monitor, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0)) }
    try Self.poll(&items, timeout)
    return items[0].revents != 0
  }

  /// Waits until this socket or the other one has a message.
  ///
  /// - Throws: `.internal` with libzmq's reason, as when the context ends.
  package mutating func waitToReceive(beside other: inout ZeroMQSocket?) throws(RobotError) {
    var items = [zmq_pollitem_t(socket: handle, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0)]
    if let other = other?.handle {
      items.append(zmq_pollitem_t(socket: other, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0))
    }
    try Self.poll(&items, nil)
  }

  private static func poll(_ items: inout [zmq_pollitem_t], _ timeout: Duration?) throws(RobotError) {
    // Where a signal handler ran, the caller's loop decides what that means.
    guard zmq_poll(&items, Int32(items.count), timeout.map(\.wholeMilliseconds) ?? -1) < 0, zmq_errno() != EINTR else {
      return
    }
    throw failure("poll")
  }

  /// Takes one whole message off the socket, if there is one; never waits, and takes ``framesPerCall`` frames at most.
  ///
  /// - Parameters:
  ///   - maximumBytes: the last frame is copied when it has no more than these; of it otherwise, and of all others, only the
  ///     first ``prefixBytes``.
  ///   - maximumFrames: that are kept.
  /// - Returns: the first frames, or `nil` when there is no message, or none that is at its end: then the next call goes on.
  /// - Throws: `.internal` with libzmq's reason.
  package mutating func receive(
    maximumBytes: Int, maximumFrames: Int = Self.maximumFrames
  ) throws(RobotError) -> [Frame]? {
    var frames = unfinished ?? []
    hasUnreadFrames = false
    for _ in 0..<Self.framesPerCall {
      guard let (frame, hasMore) = takeFrame(maximumBytes: maximumBytes, keeping: frames.count < maximumFrames)
      else {
        guard zmq_errno() == EAGAIN else { throw Self.failure("receive") }
        return nil
      }
      if frames.count < maximumFrames { frames.append(frame) }
      unfinished = hasMore ? frames : nil
      if !hasMore { return frames }
    }
    hasUnreadFrames = true
    return nil
  }

  /// - Returns: `nil` with `errno` when there is no frame.
  private mutating func takeFrame(maximumBytes: Int, keeping: Bool) -> (Frame, hasMore: Bool)? {
    var message = zmq_msg_t()
    // One scope for the message's whole life: its short contents lie inside it, so it must stay where it is.
    return withUnsafeMutablePointer(to: &message) { message in
      zmq_msg_init(message)
      defer { zmq_msg_close(message) }
      while zmq_msg_recv(message, handle, ZMQ_DONTWAIT) < 0 {
        guard zmq_errno() == EINTR else { return nil }
      }
      let (size, hasMore) = (zmq_msg_size(message), zmq_msg_more(message) != 0)
      let isWhole = !hasMore && size <= maximumBytes
      let kept = !keeping ? 0 : isWhole ? size : min(size, Self.prefixBytes)
      let bytes = UnsafeRawBufferPointer(start: zmq_msg_data(message), count: kept)
      var frame = Frame(bytes: [UInt8](bytes), size: size)
      if readsPeers, !hasMore { frame.peer = zmq_msg_gets(message, "User-Id").map { String(cString: $0) } }
      return (frame, hasMore)
    }
  }

  /// Sends one message of several frames; never waits.
  ///
  /// - Returns: what became of the message; unless sent it is dropped.
  /// - Throws: `.internal` with libzmq's reason.
  package mutating func deliver(_ frames: [[UInt8]]) throws(RobotError) -> Delivery {
    var isUpToDate = false
    for (index, frame) in frames.enumerated() {
      let flags = ZMQ_DONTWAIT | (index < frames.count - 1 ? ZMQ_SNDMORE : 0)
      while zmq_send(handle, frame, frame.count, flags) < 0 {
        switch zmq_errno() {
        case EINTR: continue
        case EAGAIN where !isUpToDate:
          // libzmq looks only now and then at what its other thread says, such as that a peer has read on. Asking makes it look.
          isUpToDate = true
          _ = try option(ZMQ_EVENTS)
        case EAGAIN: return .full
        case EHOSTUNREACH: return .gone
        default: throw Self.failure("send")
        }
      }
    }
    return .sent
  }

  /// As ``deliver(_:)``; whether the message was sent.
  package mutating func send(_ frames: [[UInt8]]) throws(RobotError) -> Bool { try deliver(frames) == .sent }

  /// libzmq's reason for what has just failed.
  static func failure(_ subject: String) -> RobotError {
    RobotError(.internal, subject, "ZeroMQ: \(String(cString: zmq_strerror(zmq_errno())))")
  }
}

extension ZeroMQSocket.HandshakeFailure {
  /// Reads the first frame of a monitor's report; `nil` when it tells of something else.
  package init?(event: [UInt8]) {
    guard event.count == 6 else { return nil }
    let (kind, value) = event.withUnsafeBytes {
      (Int32($0.loadUnaligned(as: UInt16.self)), $0.loadUnaligned(fromByteOffset: 2, as: Int32.self))
    }
    switch kind {
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: self = .refused(status: value)
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      self = value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH ? .otherMechanism : .broken
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL: self = .ended
    default: return nil
    }
  }
}
