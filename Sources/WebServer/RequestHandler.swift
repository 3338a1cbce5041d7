import NIOCore
import NIOHTTP1
import NIOWebSocket

/// Answers a request that is no websocket's, and ends the connection: one request a connection is all that anybody here needs.
final class RequestHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let state: ConnectionState
  private let service: WebService
  private var request: WebRequest?

  init(_ state: ConnectionState, _ service: WebService) {
    self.state = state
    self.service = service
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard state.phase == .request else { return }
    switch Self.unwrapInboundIn(data) {
    case .head(let head): request = WebRequest(head, peer: state.peer)
    case .body: answer(WebResponse(status: 413, "a request has no body here\n"), context)
    case .end: if let request { answer(state.refusal ?? service.response(to: request), context) }
    }
  }

  /// An upgrade that NIO refused arrives as a request next; everything else has been answered by NIO.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {}

  private func answer(_ response: WebResponse, _ context: ChannelHandlerContext) {
    if response.status >= 400 { state.exchange.count { $0.failedRequests += 1 } }
    state.enter(.closing, at: .now())
    var head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: response.status))
    head.headers.add(name: "Content-Type", value: response.contentType)
    head.headers.add(name: "Content-Length", value: String(response.body.count))
    head.headers.add(name: "Connection", value: "close")
    head.headers.add(name: "Cache-Control", value: "no-store")
    head.headers.add(name: "X-Content-Type-Options", value: "nosniff")
    for header in response.headers { head.headers.add(name: header.name, value: header.value) }
    context.write(Self.wrapOutboundOut(.head(head)), promise: nil)
    if request?.method != "HEAD" {
      let body = context.channel.allocator.buffer(bytes: response.body)
      context.write(Self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
    }
    context.writeAndFlush(Self.wrapOutboundOut(.end(nil))).closeOutput(of: context.channel)
  }
}

extension WebRequest {
  init(_ head: HTTPRequestHead, peer: String) {
    let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    self.init(
      method: head.method.rawValue, path: parts.first.map(String.init) ?? "",
      query: parts.count > 1 ? String(parts[1]) : "", headers: head.headers.map { Header($0.name, $0.value) },
      peer: peer)
  }
}
