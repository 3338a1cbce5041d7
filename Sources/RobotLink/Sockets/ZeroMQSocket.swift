import CZeroMQ
import RobotInterface

/// One ZeroMQ socket with a context of its own: the only file that calls libzmq.
///
/// libzmq allows a socket on one thread at a time. The type is not copyable and its methods mutate it, so that Swift's
/// exclusivity rule says the same; that is why it may be sent to another thread.
package struct ZeroMQSocket: ~Copyable, @unchecked Sendable {
  /// The socket types in use.
  package enum Kind: Sendable {
    case router, dealer, request

    fileprivate var code: Int32 {
      switch self {
      case .router: ZMQ_ROUTER
      case .dealer: ZMQ_DEALER
      case .request: ZMQ_REQ
      }
    }
  }

  /// One part of a message.
  package struct Frame: Sendable, Hashable {
    /// The bytes, or the first ``ZeroMQSocket/prefixBytes`` of them when there are more than was asked for.
    package var bytes: [UInt8]
    /// How many bytes came.
    package var size: Int
  }

  /// How much of a frame is kept when it is too large: enough for a message header.
  package static let prefixBytes = 1024
  /// How many frames of one message are kept: identity, delimiter, payload, and one that is too many.
  package static let maximumFrames = 4

  private let context: UnsafeMutableRawPointer
  private let handle: UnsafeMutableRawPointer
  /// Reports that connections have ended, once ``watchConnection()`` was called.
  private var monitor: UnsafeMutableRawPointer?

  /// - Parameters:
  ///   - options: libzmq's integer options, set before the socket is bound or connected.
  ///   - maximumFrameBytes: a peer that sends a larger frame is disconnected by libzmq without an answer.
  /// - Throws: `.internal` with libzmq's reason.
  package init(_ kind: Kind, options: [(Int32, Int32)], maximumFrameBytes: Int64) throws(RobotError) {
    // Nothing may throw once the fields are set: until then the handles are closed by hand.
    guard let context = zmq_ctx_new() else { throw Self.failure("context") }
    guard let handle = zmq_socket(context, kind.code) else {
      let error = Self.failure("socket")
      zmq_ctx_term(context)
      throw error
    }
    do throws(RobotError) {
      for (option, value) in options { try Self.set(option, to: value, on: handle) }
      try Self.set(ZMQ_MAXMSGSIZE, to: maximumFrameBytes, on: handle)
    } catch {
      zmq_close(handle)
      zmq_ctx_term(context)
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
    // Waits for the linger time at most; a signal must not leave the context half closed.
    while zmq_ctx_term(context) != 0, zmq_errno() == EINTR {}
  }

  /// Listens on `endpoint` (`tcp://host:port`, port `*` for any; `ipc://path`).
  ///
  /// - Throws: `.internal` with libzmq's reason, e.g. that the address is in use.
  package mutating func bind(_ endpoint: String) throws(RobotError) {
    guard zmq_bind(handle, endpoint) == 0 else { throw Self.failure(endpoint) }
  }

  /// Connects to `endpoint`, now or as soon as something listens there.
  ///
  /// - Throws: `.internal` with libzmq's reason, e.g. that the address is not one.
  package mutating func connect(_ endpoint: String) throws(RobotError) {
    guard zmq_connect(handle, endpoint) == 0 else { throw Self.failure(endpoint) }
  }

  /// The address last bound, with wildcards resolved; empty before.
  package mutating func lastEndpoint() -> String {
    var bytes = [CChar](repeating: 0, count: 1024)
    var count = bytes.count
    guard zmq_getsockopt(handle, ZMQ_LAST_ENDPOINT, &bytes, &count) == 0 else { return "" }
    return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Begins to notice that the other end closes the connection, see ``takeDisconnection()``; a second call changes nothing.
  ///
  /// - Throws: `.internal` with libzmq's reason.
  package mutating func watchConnection() throws(RobotError) {
    guard monitor == nil else { return }
    let name = "inproc://monitor-\(UInt(bitPattern: handle))"
    guard zmq_socket_monitor(handle, name, ZMQ_EVENT_DISCONNECTED) == 0,
      let monitor = zmq_socket(context, ZMQ_PAIR)
    else { throw Self.failure("monitor") }
    guard zmq_connect(monitor, name) == 0 else {
      let error = Self.failure("monitor")
      zmq_close(monitor)
      throw error
    }
    self.monitor = monitor
  }

  /// Whether a connection has been closed since the last call. ZeroMQ connects again by itself; answers to what was asked before
  /// do not come any more.
  package mutating func takeDisconnection() -> Bool {
    guard let monitor else { return false }
    var event = [UInt8](repeating: 0, count: 256)
    var wasDisconnected = false
    // Each report is two frames, and no other kind of event was asked for.
    while zmq_recv(monitor, &event, event.count, ZMQ_DONTWAIT) >= 0 { wasDisconnected = true }
    return wasDisconnected
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
    guard zmq_poll(&items, Int32(items.count), timeout.map(\.wholeMilliseconds) ?? -1) >= 0 else {
      // A signal handler ran; the caller's loop decides what that means.
      if zmq_errno() == EINTR { return false }
      throw Self.failure("poll")
    }
    if items.count > 1, items[1].revents != 0 { wakeUp?.drain() }
    return items[0].revents != 0
  }

  /// Takes one whole message off the socket, if there is one; never waits.
  ///
  /// - Parameter maximumBytes: a larger frame is cut to its first ``prefixBytes``.
  /// - Returns: its first ``maximumFrames`` frames, or `nil` when there is no message.
  /// - Throws: `.internal` with libzmq's reason.
  package mutating func receive(maximumBytes: Int) throws(RobotError) -> [Frame]? {
    var frames: [Frame] = []
    var hasMore = true
    while hasMore {
      var message = zmq_msg_t()
      // One scope for the message's whole life: its short contents lie inside it, so it must stay where it is.
      let frame = withUnsafeMutablePointer(to: &message) { message -> Frame? in
        zmq_msg_init(message)
        defer { zmq_msg_close(message) }
        while zmq_msg_recv(message, handle, ZMQ_DONTWAIT) < 0 {
          guard zmq_errno() == EINTR else { return nil }
        }
        hasMore = zmq_msg_more(message) != 0
        let size = zmq_msg_size(message)
        let kept = frames.count >= Self.maximumFrames ? 0 : size > maximumBytes ? min(size, Self.prefixBytes) : size
        let bytes = UnsafeRawBufferPointer(start: zmq_msg_data(message), count: kept)
        return Frame(bytes: [UInt8](bytes), size: size)
      }
      guard let frame else {
        if zmq_errno() == EAGAIN, frames.isEmpty { return nil }
        throw Self.failure("receive")
      }
      if frames.count < Self.maximumFrames { frames.append(frame) }
    }
    return frames
  }

  /// Sends one message of several frames; never waits.
  ///
  /// - Returns: what became of the message; unless sent it is dropped.
  /// - Throws: `.internal` with libzmq's reason.
  package mutating func deliver(_ frames: [[UInt8]]) throws(RobotError) -> Delivery {
    for (index, frame) in frames.enumerated() {
      let flags = ZMQ_DONTWAIT | (index < frames.count - 1 ? ZMQ_SNDMORE : 0)
      while zmq_send(handle, frame, frame.count, flags) < 0 {
        switch zmq_errno() {
        case EINTR: continue
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

  private static func failure(_ subject: String) -> RobotError {
    RobotError(.internal, subject, "ZeroMQ: \(String(cString: zmq_strerror(zmq_errno())))")
  }
}

extension Duration {
  /// Rounded up, so that a wait is never shorter than asked for; within what libzmq takes.
  fileprivate var wholeMilliseconds: Int {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    let milliseconds = Double(seconds) * 1e3 + (Double(attoseconds) / 1e15).rounded(.up)
    return Int(min(milliseconds, Double(Int32.max)))
  }
}
