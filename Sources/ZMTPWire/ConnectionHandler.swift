import AccessKeys
import NIOCore
import RobotInterface
import ZMTP
import ZeroMQTransport

/// One connection on its event loop: bytes to messages and back, and the deadlines.
final class ConnectionHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// From the connection until the peer is let in, from a message's first byte to its last, and from the last word to the end.
  struct Deadlines: Sendable {
    var handshake = Duration.seconds(5)
    var message = Duration.seconds(30)
    var end = Duration.seconds(2)
  }

  private let number: UInt64
  private let mailroom: Mailroom
  private let deadlines: Deadlines
  /// Is told why a connection ended that was not let in.
  private let refuse: @Sendable (ZMTPError) -> Void
  private var connection: ZMTPConnection
  private var context: ChannelHandlerContext?
  private var key: String?
  private var deadline: Scheduled<Void>?
  private var isEnding = false
  private var isPaused = false
  /// Called when the connection has ended and all that it has said is handed on.
  private var onEnd: (() -> Void)?

  init(
    _ number: UInt64, _ mailroom: Mailroom, _ connection: ZMTPConnection, _ deadlines: Deadlines,
    refuse: @escaping @Sendable (ZMTPError) -> Void
  ) {
    self.number = number
    self.mailroom = mailroom
    self.connection = connection
    self.deadlines = deadlines
    self.refuse = refuse
  }

  func channelActive(context: ChannelHandlerContext) {
    self.context = context
    flush()
    watch(deadlines.handshake)
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    forgetDeadline()
    self.context = nil
    // Whoever sees first that the other one has no key, or another, ends the connection.
    if !isEnding, !connection.isOpen {
      refuse(ZMTPError(.endedByPeer, "handshake", "the client has left"))
    }
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isEnding else { return }
    connection.take(Self.unwrapInboundIn(data).readableBytesView)
    read()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  /// Who does not read answers is not read either, so that what is on its way to it is bounded, answers to heartbeats too.
  func channelWritabilityChanged(context: ChannelHandlerContext) {
    updateReading()
    context.fireChannelWritabilityChanged()
  }

  /// There is room for messages again.
  func readOn() {
    guard isPaused, !isEnding else { return }
    isPaused = false
    read()
    updateReading()
    endIfRead()
  }

  /// The connection has ended.
  ///
  /// - Parameter onEnd: called once all that had come before is handed on, at once where nothing waits for room.
  func hasEnded(_ onEnd: @escaping () -> Void) {
    self.onEnd = onEnd
    endIfRead()
  }

  private func endIfRead() {
    guard !isPaused || isEnding else { return }
    onEnd?()
    onEnd = nil
  }

  private func updateReading() {
    guard let channel = context?.channel else { return }
    channel.setOption(.autoRead, value: !isPaused && channel.isWritable).whenFailure { _ in }
  }

  /// Sends a reply.
  func send(_ payload: [UInt8], hasDelimiter: Bool) {
    guard let context, !isEnding else { return mailroom.sent(bytes: payload.count, to: number) }
    connection.send(payload, hasDelimiter: hasDelimiter)
    let (mailroom, number, count) = (mailroom, number, payload.count)
    write(context).whenComplete { _ in mailroom.sent(bytes: count, to: number) }
  }

  /// Ends the connection once what was sent has left.
  func finish() {
    guard let context, !isEnding else { return }
    isEnding = true
    let channel = context.channel
    write(context).whenComplete { _ in channel.close(promise: nil) }
    // Who does not read the last word does not keep the connection.
    context.eventLoop.scheduleTask(in: TimeAmount(deadlines.end)) { channel.close(promise: nil) }
  }

  private func read() {
    let wasOpen = connection.isOpen
    do throws(ZMTPError) {
      while true {
        guard mailroom.hasRoom(number) else {
          isPaused = true
          updateReading()
          break
        }
        guard let event = try connection.next() else { break }
        take(event)
      }
      flush()
      guard mailroom.holds(connection.bufferedBytes, of: number) else { return finish() }
    } catch {
      if !wasOpen { refuse(error) }
      finish()
      return
    }
    if connection.isPending, !isPaused {
      if deadline == nil { watch(connection.isOpen ? deadlines.message : deadlines.handshake) }
    } else {
      forgetDeadline()
    }
  }

  private func forgetDeadline() {
    deadline?.cancel()
    deadline = nil
  }

  private func take(_ event: ZMTPConnection.Event) {
    switch event {
    case .ready(let key):
      self.key = key.flatMap { CurvePublicKey(bytes: $0)?.text }
      forgetDeadline()
      guard let context else { return }
      let handler = NIOLoopBound(self, eventLoop: context.eventLoop), loop = context.eventLoop
      mailroom.open(
        number,
        Mailroom.Mouth(
          send: { payload, hasDelimiter in
            loop.execute { handler.value.send(payload, hasDelimiter: hasDelimiter) }
          },
          readOn: { loop.execute { handler.value.readOn() } }))
    case .message(let content, let hasDelimiter):
      // What follows is of another message, which has its own time.
      forgetDeadline()
      let peer = RouterSocket.Peer(identity: Self.identity(number), hasDelimiter: hasDelimiter, key: key)
      switch content {
      case .whole(let bytes): mailroom.add(.message(peer, bytes), bytes: bytes.count, from: number)
      case .tooLarge(let beginning, let bytes):
        mailroom.add(.tooLarge(peer, beginning: beginning, bytes: bytes), bytes: beginning.count, from: number)
      case .severalFrames:
        let error = RobotError(.malformed, "message", "a request is exactly one frame")
        mailroom.add(.malformed(peer, error), bytes: 0, from: number)
      }
    }
  }

  /// Bytes of a connection's number, as a route has them.
  static func identity(_ number: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) }
  }

  private func watch(_ time: Duration) {
    guard let context else { return }
    let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
    deadline = context.eventLoop.scheduleTask(in: TimeAmount(time)) { handler.value.finish() }
  }

  private func flush() {
    guard let context else { return }
    _ = write(context)
  }

  private func write(_ context: ChannelHandlerContext) -> EventLoopFuture<Void> {
    let bytes = connection.takeOutput()
    guard !bytes.isEmpty else { return context.eventLoop.makeSucceededVoidFuture() }
    return context.writeAndFlush(Self.wrapOutboundOut(context.channel.allocator.buffer(bytes: bytes)))
  }
}
