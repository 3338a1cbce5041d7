import NIOCore

/// First in line: counts bytes before anything reads them, and keeps the deadlines.
final class GuardHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let state: ConnectionState
  private let table: ConnectionTable
  private var context: ChannelHandlerContext?
  private var gate: FrameGate
  /// Set when the connection becomes a websocket.
  weak var socket: SocketHandler?
  /// Too many connections: it is told so, and that is all.
  var isRefused = false

  init(_ state: ConnectionState, _ table: ConnectionTable) {
    self.state = state
    self.table = table
    gate = FrameGate(limit: state.limits.messageBytes)
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    table.insert(self)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    table.remove(self)
  }

  func channelActive(context: ChannelHandlerContext) {
    if isRefused {
      Self.sayGoodbye(context, "503 Service Unavailable", "too many connections\n")
    } else {
      context.fireChannelActive()
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = Self.unwrapInboundIn(data), count = bytes.readableBytes
    state.heard(at: .now())
    switch state.phase {
    case .closing where socket == nil: return
    case .request:
      state.requestBytes += count
      guard state.requestBytes <= state.limits.requestBytes else { return refuse(context) }
      context.fireChannelRead(data)
    case .open, .closing:
      // What nobody can read any more is still taken, so that the client can come to reading why.
      guard !state.isDeaf else { return }
      let passed = gate.pass(bytes)
      state.undecodedBytes += count - passed.dropped
      if passed.dropped > 0 { state.exchange.count { $0.rejectedBytes += passed.dropped } }
      let before = passed.partsBeforeTooLong ?? passed.parts.count
      forward(passed.parts[..<before], context)
      if passed.partsBeforeTooLong != nil { socket?.refuseLength() }
      forward(passed.parts[before...], context)
      state.decoded(at: .now())
      let held = state.undecodedBytes + (state.assembled?.bytes.count ?? 0)
      if let connection = state.connection, state.phase == .open, !state.exchange.holds(held, for: connection) {
        socket?.close(code: 1013, reason: "the server has no memory for more messages")
      }
    }
  }

  private func forward(_ parts: ArraySlice<ByteBuffer>, _ context: ChannelHandlerContext) {
    for part in parts where !state.isDeaf { context.fireChannelRead(Self.wrapInboundOut(part)) }
  }

  /// The request is too long; what could parse it never sees it.
  private func refuse(_ context: ChannelHandlerContext) {
    state.exchange.count { $0.failedRequests += 1 }
    state.enter(.closing, at: .now())
    Self.sayGoodbye(context, "431 Request Header Fields Too Large", "the request is too long\n")
  }

  /// A whole answer without the help of the pipeline, and the end of our side.
  private static func sayGoodbye(_ context: ChannelHandlerContext, _ status: String, _ body: String) {
    let answer =
      "HTTP/1.1 \(status)\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: \(body.utf8.count)\r\n"
      + "Connection: close\r\n\r\n\(body)"
    let bytes = wrapOutboundOut(context.channel.allocator.buffer(string: answer))
    context.writeAndFlush(bytes).closeOutput(of: context.channel)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    state.writability(context.channel.isWritable, at: .now())
    socket?.updateReading()
    context.fireChannelWritabilityChanged()
  }

  var channel: (any Channel)? { context?.channel }

  /// Looks at the clock.
  func tick(_ now: NIODeadline) {
    guard let context else { return }
    switch state.due(at: now) {
    case .nothing: break
    case .ping: socket?.ping()
    case .close(let code, let reason): socket?.close(code: code, reason: reason)
    case .abort(let reason):
      if let connection = state.connection {
        state.exchange.close(connection, WebClosure(code: 1006, byPeer: false, reason: reason))
      }
      context.close(promise: nil)
    }
  }

  /// The server ends.
  func goAway() {
    if let socket {
      socket.close(code: 1001, reason: "the server ends")
    } else {
      context?.close(promise: nil)
    }
  }
}

extension EventLoopFuture<Void> {
  /// Ends our side only, once this is written: an answer is lost when what the client still sends meets a closed socket. The client ends
  /// the rest, or the deadline does.
  func closeOutput(of channel: any Channel) {
    whenComplete { _ in channel.close(mode: .output, promise: nil) }
  }
}

/// All connections of a server, and how many each peer has. Lives on the event loop.
final class ConnectionTable {
  private var handlers: [ObjectIdentifier: GuardHandler] = [:]
  private var peers: [String: Int] = [:]
  private(set) var count = 0

  func insert(_ handler: GuardHandler) { handlers[ObjectIdentifier(handler)] = handler }
  func remove(_ handler: GuardHandler) { handlers[ObjectIdentifier(handler)] = nil }

  /// Counts a connection if there is room for it.
  func admits(_ peer: String, _ limits: WebLimits) -> Bool {
    guard count < limits.connections, peers[peer, default: 0] < limits.connectionsOfOnePeer else { return false }
    count += 1
    peers[peer, default: 0] += 1
    return true
  }

  func release(_ peer: String) {
    count -= 1
    peers[peer] = peers[peer].flatMap { $0 > 1 ? $0 - 1 : nil }
  }

  /// Whether one that is refused may be told so. Those wait for their peers to end, and must not be many.
  func mayLinger() -> Bool { handlers.count - count < 64 }

  /// Those that are open.
  var channels: [any Channel] { handlers.values.compactMap(\.channel) }

  func tick(_ now: NIODeadline) { for handler in handlers.values { handler.tick(now) } }
  func goAway() { for handler in handlers.values { handler.goAway() } }
}
