import CZeroMQ
package import RobotInterface

/// Publishes messages under a topic to whoever has subscribed; never waits, and who reads too slowly loses messages.
package struct TopicPublisher: ~Copyable, Sendable {
  /// Where it listens, with a wildcard port resolved.
  package let endpoint: Endpoint
  private let gate: ConnectionGate?
  /// Of an ipc address; removed with the publisher.
  private let file: SocketFile?
  private var socket: ZeroMQSocket

  /// Listens. Connections of one origin are limited as a router's are.
  ///
  /// - Throws: `.internal` with the address as subject and the reason, such as that it is in use.
  package init(at endpoint: Endpoint) throws(RobotError) {
    let context = try ZeroMQContext()
    var socket = try ZeroMQSocket(
      .publish, context: context,
      options: [(ZMQ_LINGER, 100), (ZMQ_SNDHWM, 16), (ZMQ_HANDSHAKE_IVL, 5_000)] + ZeroMQSocket.keepAlive,
      // Subscriptions are a topic and a byte.
      maximumFrameBytes: 1024)
    var listening = try Listening(endpoint)
    var gate: ConnectionGate?
    do throws(RobotError) {
      if case .tcp(_, let port) = listening.endpoint.place {
        gate = try ConnectionGate(
          context, port: port, limit: RouterSocket.Options().maximumConnectionsPerAddress, keys: nil, router: &socket)
        try socket.set(ZMQ_ZAP_DOMAIN, to: ConnectionGate.domain)
      }
      try socket.listen(at: &listening)
    } catch {
      gate?.stop()
      throw error
    }
    self.endpoint = listening.endpoint
    self.gate = gate
    file = listening.file
    self.socket = socket
  }

  deinit { gate?.stop() }

  /// Sends to all who are there.
  ///
  /// - Throws: `.internal` with libzmq's reason.
  package mutating func publish(_ message: [UInt8], as topic: String) throws(RobotError) {
    _ = try socket.deliver([Array(topic.utf8), message])
  }
}

/// Receives what others publish under some topics.
package struct TopicSubscriber: ~Copyable, Sendable {
  /// What came: the topic, and the message.
  package struct Sample: Sendable {
    /// As it was published; perhaps longer than one that was subscribed to.
    package var topic: String
    /// `nil`: it was not one message of acceptable size.
    package var message: [UInt8]?
    /// How many bytes the message has.
    package var size: Int
  }

  private let maximumBytes: Int
  private var socket: ZeroMQSocket

  /// Connects to one address, now or as soon as somebody publishes there: what comes is of nobody else.
  ///
  /// - Throws: `.internal` with libzmq's reason.
  package init(
    _ topics: Set<String>, at place: Endpoint, maximumBytes: Int, context: ZeroMQContext
  ) throws(RobotError) {
    var options = RouterSocket.Options()
    options.maximumMessageBytes = maximumBytes
    var socket = try ZeroMQSocket(
      .subscribe, context: context,
      options: [(ZMQ_LINGER, 0), (ZMQ_RCVHWM, options.boundedReceiveHighWaterMark), (ZMQ_RECONNECT_IVL, 50)]
        + ZeroMQSocket.keepAlive,
      maximumFrameBytes: Int64(options.hardLimit))
    for topic in topics.sorted() { try socket.set(ZMQ_SUBSCRIBE, to: topic) }
    try socket.connect(place)
    self.maximumBytes = maximumBytes
    self.socket = socket
  }

  /// Waits until something has come.
  ///
  /// - Throws: `.internal` when the socket has failed for good.
  package mutating func wait(timeout: Duration, wakeUp: WakeUp) throws(RobotError) {
    _ = try socket.waitToReceive(timeout: timeout, wakeUp: wakeUp)
  }

  /// What has come, if anything; never waits.
  ///
  /// - Throws: `.internal` when the socket has failed for good.
  package mutating func next() throws(RobotError) -> Sample? {
    guard let frames = try socket.receive(maximumBytes: maximumBytes), let topic = frames.first else { return nil }
    let payload = frames.count == 2 && frames[1].size <= maximumBytes ? frames[1].bytes : nil
    return Sample(
      topic: String(decoding: topic.bytes, as: UTF8.self), message: payload, size: frames.dropFirst().first?.size ?? 0)
  }
}
