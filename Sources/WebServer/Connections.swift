import NIOCore
import NIOHTTP1
import NIOWebSocket

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Ends a connection before it begins.
private struct TooManyConnections: Error {}

/// How a new connection is set up.
enum Connections {
  static func prepare(
    _ channel: any Channel, _ service: WebService, _ exchange: Exchange, _ table: ConnectionTable
  ) throws {
    let limits = exchange.limits
    let address = channel.remoteAddress
    let network = network(of: address)
    exchange.count { $0.accepted += 1 }
    let state = ConnectionState(limits: limits, exchange: exchange, peer: address?.ipAddress ?? "", now: .now())
    let guardian = GuardHandler(state, table)
    let operations = channel.pipeline.syncOperations
    try operations.addHandler(guardian)
    guard table.admits(network, limits) else {
      exchange.count { $0.refused += 1 }
      guard table.mayLinger() else { throw TooManyConnections() }
      state.enter(.closing, at: .now())
      guardian.isRefused = true
      return
    }
    exchange.count { $0.connections += 1 }
    let bound = NIOLoopBound(table, eventLoop: channel.eventLoop)
    channel.closeFuture.whenComplete { _ in
      bound.value.release(network)
      exchange.count { $0.connections -= 1 }
    }
    let handler = RequestHandler(state, service)
    var decoding = NIOHTTPDecoderLimitConfiguration()
    decoding.maxHeaderListSize = limits.requestBytes
    decoding.maxHeaderFieldSize = limits.requestBytes
    try operations.configureHTTPServerPipeline(
      withServerUpgrade: ([upgrader(state, service, guardian, handler, on: channel.eventLoop)], { _ in }),
      withEncoderConfiguration: .init(), withDecoderLimitConfiguration: decoding)
    try operations.addHandler(handler)
  }

  private static func upgrader(
    _ state: ConnectionState, _ service: WebService, _ guardian: GuardHandler, _ handler: RequestHandler,
    on eventLoop: any EventLoop
  ) -> NIOWebSocketServerUpgrader {
    let peer = state.peer
    let parts = NIOLoopBound(Parts(state: state, guardian: guardian, handler: handler), eventLoop: eventLoop)
    return NIOWebSocketServerUpgrader(
      maxFrameSize: min(state.limits.messageBytes, Int(UInt32.max)), automaticErrorHandling: false,
      shouldUpgrade: { channel, head in
        let request = WebRequest(head, peer: peer)
        parts.value.state.refusal = service.refusal(of: request)
        let isWelcome = request.method == "GET" && parts.value.state.refusal == nil
        return channel.eventLoop.makeSucceededFuture(isWelcome ? [:] : nil)
      },
      upgradePipelineHandler: { channel, head in
        channel.eventLoop.makeCompletedFuture {
          let parts = parts.value
          let socket = SocketHandler(parts.state, WebRequest(head, peer: peer))
          channel.pipeline.syncOperations.removeHandler(parts.handler, promise: nil)
          parts.guardian.socket = socket
          try channel.pipeline.syncOperations.addHandler(socket)
        }
      })
  }

  private struct Parts {
    let state: ConnectionState
    let guardian: GuardHandler
    let handler: RequestHandler
  }

  /// Whom a limit for one peer counts: an IPv4 address, or an IPv6 network of 64 bits.
  private static func network(of address: SocketAddress?) -> String {
    guard let text = address?.ipAddress else { return "" }
    var bytes = [UInt8](repeating: 0, count: 16)
    guard inet_pton(AF_INET6, text, &bytes) == 1 else { return text }
    if bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xff, bytes[11] == 0xff {
      return bytes[12...].map { String($0) }.joined(separator: ".")
    }
    return bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: ":")
  }
}
