import NIOCore
import NIOWebSocket

/// A websocket after its handshake: frames to messages, pings to pongs, and the rules of RFC 6455 that NIO leaves to its users.
final class SocketHandler: ChannelInboundHandler {
  typealias InboundIn = WebSocketFrame
  typealias OutboundOut = WebSocketFrame

  private let state: ConnectionState
  private let request: WebRequest
  private var context: ChannelHandlerContext?
  private var isFull = false
  private var isReading = true

  init(_ state: ConnectionState, _ request: WebRequest) {
    self.state = state
    self.request = request
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    state.enter(.open, at: .now())
    state.connection = state.exchange.open(
      request, context.channel, NIOLoopBound(self, eventLoop: context.eventLoop))
  }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelInactive(context: ChannelHandlerContext) {
    end(WebClosure(code: 1006, byPeer: true, reason: "the connection ended"))
    context.fireChannelInactive()
  }

  // MARK: Frames

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = Self.unwrapInboundIn(data)
    state.undecodedBytes = max(0, state.undecodedBytes - Frames.size(frame))
    state.hasProgress = true
    if state.phase == .closing {
      if frame.opcode == .connectionClose { context.close(promise: nil) }
      return
    }
    guard frame.maskKey != nil, !frame.rsv1, !frame.rsv2, !frame.rsv3 else {
      return close(code: 1002, reason: "a frame is not masked, or uses an extension")
    }
    switch frame.opcode {
    case .ping: answer(frame)
    case .pong: break
    case .connectionClose: confirm(frame)
    case .text, .binary, .continuation: collect(frame)
    default: close(code: 1002, reason: "a frame of an unknown kind")
    }
  }

  private func answer(_ ping: WebSocketFrame) {
    write(WebSocketFrame(fin: true, opcode: .pong, data: ping.unmaskedData))
  }

  func ping() {
    guard let context, state.phase == .open else { return }
    write(WebSocketFrame(fin: true, opcode: .ping, data: context.channel.allocator.buffer(capacity: 0)))
  }

  /// - Parameter done: called when the system has the message, or nobody wants it any more.
  func send(_ message: WebMessage, done: @escaping @Sendable () -> Void) {
    guard let context, state.phase == .open else { return done() }
    let frame = Frames.frame(message, context.channel.allocator)
    context.writeAndFlush(Self.wrapOutboundOut(frame)).whenComplete { _ in done() }
  }

  private func write(_ frame: WebSocketFrame) { context?.writeAndFlush(Self.wrapOutboundOut(frame), promise: nil) }

  private func collect(_ frame: WebSocketFrame) {
    let isContinuation = frame.opcode == .continuation
    guard isContinuation == (state.assembled != nil) else {
      return close(code: 1002, reason: isContinuation ? "a continuation of nothing" : "a message within a message")
    }
    var data = frame.unmaskedData
    let size = data.readableBytes + (state.assembled?.bytes.count ?? 0)
    guard size <= state.limits.messageBytes else {
      reject(size)
      return refuseLength()
    }
    let bytes = data.readBytes(length: data.readableBytes) ?? []
    if !isContinuation, !frame.fin { state.assembled = (frame.opcode == .text, []) }
    guard let isText = state.assembled?.isText else { return deliver(bytes, isText: frame.opcode == .text) }
    state.assembled?.bytes.append(contentsOf: bytes)
    guard frame.fin, let whole = state.assembled?.bytes else { return }
    state.assembled = nil
    deliver(whole, isText: isText)
  }

  private func deliver(_ bytes: [UInt8], isText: Bool) {
    guard let connection = state.connection else { return }
    let message: WebMessage
    if isText {
      guard let text = String(validating: bytes, as: UTF8.self) else {
        reject(bytes.count)
        return close(code: 1007, reason: "a text that is not UTF-8")
      }
      message = .text(text)
    } else {
      message = .binary(bytes)
    }
    _ = state.exchange.holds(state.undecodedBytes, for: connection)
    switch state.exchange.deliver(message, from: connection) {
    case .taken: break
    case .takenAndFull:
      isFull = true
      updateReading()
    case .overBudget:
      reject(bytes.count)
      close(code: 1013, reason: "the server has no memory for more messages")
    }
  }

  private func reject(_ bytes: Int) { state.exchange.count { $0.rejectedBytes += bytes } }

  // MARK: Reading

  /// Somebody took a message.
  func resume() {
    isFull = false
    updateReading()
  }

  /// Reads while messages are taken and answers are read.
  func updateReading() {
    guard let context, state.phase == .open else { return }
    let wanted = !isFull && context.channel.isWritable
    guard wanted != isReading else { return }
    isReading = wanted
    state.reads(wanted, at: .now())
    context.channel.setOption(.autoRead, value: wanted).whenFailure { _ in }
  }

  // MARK: The end

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error {
    case is NIOWebSocketError:
      // The decoder reads nothing from then on.
      state.isDeaf = true
      close(code: 1002, reason: "a control frame that is too long or in parts")
    // The decoder says that it reads nothing any more.
    case is ByteToMessageDecoderError where state.isDeaf: break
    default:
      end(WebClosure(code: 1006, byPeer: true, reason: "the connection broke"))
      context.close(promise: nil)
    }
  }

  /// A message is too long; what is left of it is passed over.
  func refuseLength() {
    close(code: 1009, reason: "a message of more than \(state.limits.messageBytes) bytes")
  }

  /// Says why, and waits a little for the other side to agree.
  func close(code: Int, reason: String) {
    guard let context, state.phase == .open else { return }
    end(WebClosure(code: code, byPeer: false, reason: reason))
    state.enter(.closing, at: .now())
    write(Frames.close(code, reason, context.channel.allocator))
    // Whatever else it sends is dropped, but its own closing frame must be read.
    if !isReading { context.channel.setOption(.autoRead, value: true).whenFailure { _ in } }
  }

  /// The client closes: the same code back, and the end.
  private func confirm(_ frame: WebSocketFrame) {
    guard let context else { return }
    var data = frame.unmaskedData
    let code = data.readableBytes == 0 ? 1005 : data.readInteger(as: UInt16.self).map(Int.init)
    let isText = String(validating: data.readableBytesView, as: UTF8.self) != nil
    guard let code, isText, code == 1005 || Self.mayBeSent(code) else {
      return close(code: 1002, reason: "a closing frame with a code that there is not")
    }
    end(WebClosure(code: code, byPeer: true, reason: "the client closed"))
    state.enter(.closing, at: .now())
    write(Frames.close(code == 1005 ? -1 : code, "", context.channel.allocator))
    context.close(promise: nil)
  }

  private static func mayBeSent(_ code: Int) -> Bool {
    switch code {
    case 1000...1003, 1007...1014, 3000...4999: true
    default: false
    }
  }

  private func end(_ closure: WebClosure) {
    guard let connection = state.connection else { return }
    state.assembled = nil
    state.exchange.close(connection, closure)
  }
}
