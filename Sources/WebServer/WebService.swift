#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What a server answers, beside websockets' messages. Its closures run on the event loop: they must be quick and never wait.
public struct WebService: Sendable {
  /// `GET` by path, such as `/healthz`.
  public var routes: [String: @Sendable (WebRequest) -> WebResponse]
  /// Where websockets are opened; `nil`: nowhere.
  public var socketPath: String?
  /// Whether this client may open one: `nil` is yes, an answer such as 401 is no. `Authorization` is among the request's headers.
  public var refuseSocket: @Sendable (WebRequest) -> WebResponse?
  /// Web pages that may open websockets, by their `Origin`. Without it a page that somebody happens to look at could reach a server on
  /// their machine. Clients that are no browsers send none.
  public var origins: Set<String>
  /// Whether the pages of this very server may open websockets, and no others. Every request must then name the server by an IP address or as
  /// `localhost`: a name of somebody else's can be made to lead here (DNS rebinding), and its pages would count as this server's own.
  public var isOwnPage: Bool

  /// Collects the parts.
  public init(
    routes: [String: @Sendable (WebRequest) -> WebResponse] = [:], socketPath: String? = "/", origins: Set<String> = [],
    isOwnPage: Bool = false,
    refuseSocket: @escaping @Sendable (WebRequest) -> WebResponse? = { _ in nil }
  ) {
    self.routes = routes
    self.socketPath = socketPath
    self.origins = origins
    self.isOwnPage = isOwnPage
    self.refuseSocket = refuseSocket
  }

  /// Why a request for a websocket is refused; `nil` if it is not.
  func refusal(of request: WebRequest) -> WebResponse? {
    guard request.path == socketPath else { return WebResponse(status: 404, "there is no websocket here\n") }
    let origin = request.headers.filter { $0.name.lowercased() == "origin" }.map(\.value)
    if let refusal = foreignName(in: request) { return refusal }
    let own = isOwnPage ? request.header("Host").map { "http://\($0)" } : nil
    guard origin.allSatisfy({ origins.contains($0) || $0.lowercased() == own?.lowercased() }) else {
      return WebResponse(status: 403, "web pages may not open this websocket\n")
    }
    return refuseSocket(request)
  }

  /// Why a request is refused that names the server by a name which could be anybody's; `nil` if it is not.
  private func foreignName(in request: WebRequest) -> WebResponse? {
    guard isOwnPage else { return nil }
    guard let host = request.header("Host"), Self.isAddress(host) else {
      return WebResponse(status: 421, "name this server by its IP address or as localhost\n")
    }
    return nil
  }

  /// - Parameter host: as in the header, with a port or without.
  private static func isAddress(_ host: String) -> Bool {
    var name = host[...]
    if let colon = host.lastIndex(of: ":"), host[colon...].dropFirst().allSatisfy({ $0.isASCII && $0.isNumber }),
      host.hasPrefix("[") == (host[..<colon].last == "]")
    {
      name = host[..<colon]
    }
    if name.lowercased() == "localhost" { return true }
    var bytes = [UInt8](repeating: 0, count: 16)
    if name.hasPrefix("["), name.hasSuffix("]") {
      return inet_pton(AF_INET6, String(name.dropFirst().dropLast()), &bytes) == 1
    }
    return inet_pton(AF_INET, String(name), &bytes) == 1
  }

  func response(to request: WebRequest) -> WebResponse {
    if let refusal = foreignName(in: request) { return refusal }
    let isUpgrade = request.headers.contains {
      $0.name.lowercased() == "upgrade" && $0.value.lowercased() == "websocket"
    }
    if isUpgrade, request.path == socketPath {
      return WebResponse(
        status: 400, "expected a websocket's handshake of version 13\n",
        headers: [WebRequest.Header("Sec-WebSocket-Version", "13")])
    }
    guard let route = routes[request.path] else {
      if request.path == socketPath {
        return WebResponse(
          status: 426, "expected a websocket's handshake\n", headers: [WebRequest.Header("Upgrade", "websocket")])
      }
      return WebResponse(status: 404, "there is nothing here\n")
    }
    guard request.method == "GET" || request.method == "HEAD" else {
      return WebResponse(status: 405, "expected GET\n", headers: [WebRequest.Header("Allow", "GET, HEAD")])
    }
    return route(request)
  }
}
