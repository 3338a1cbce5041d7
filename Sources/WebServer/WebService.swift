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

  /// Collects the parts.
  public init(
    routes: [String: @Sendable (WebRequest) -> WebResponse] = [:], socketPath: String? = "/", origins: Set<String> = [],
    refuseSocket: @escaping @Sendable (WebRequest) -> WebResponse? = { _ in nil }
  ) {
    self.routes = routes
    self.socketPath = socketPath
    self.origins = origins
    self.refuseSocket = refuseSocket
  }

  /// Why a request for a websocket is refused; `nil` if it is not.
  func refusal(of request: WebRequest) -> WebResponse? {
    guard request.path == socketPath else { return WebResponse(status: 404, "there is no websocket here\n") }
    let origin = request.headers.filter { $0.name.lowercased() == "origin" }.map(\.value)
    guard origin.allSatisfy(origins.contains) else {
      return WebResponse(status: 403, "web pages may not open this websocket\n")
    }
    return refuseSocket(request)
  }

  func response(to request: WebRequest) -> WebResponse {
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
