import TestSupport
import Testing
import WebServer

@Suite("Requests of HTTP")
struct RequestTests {
  private let test: ServerUnderTest

  init() throws {
    let service = WebService(
      routes: [
        "/healthz": { _ in WebResponse("OK\n") },
        "/echo": { WebResponse("\($0.query) \($0.header("x-a") ?? "-") \($0.peer)") },
      ],
      origins: ["http://good"],
      refuseSocket: { request in
        request.header("authorization") == "Api-Key secret" ? nil : WebResponse(status: 401, "no\n")
      })
    test = try ServerUnderTest(service) { limits in
      limits.requestBytes = 1_000
      limits.requestTimeout = .seconds(2)
    }
  }

  private func ask(_ request: String) throws -> String {
    let client = try test.client()
    try client.send(request)
    return try client.receiveAll()
  }

  @Test func `a route is answered`() throws {
    let answer = try ask("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(answer.contains("Content-Length: 3\r\n"))
    #expect(answer.hasSuffix("\r\n\r\nOK\n"))
    #expect(try ask("HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n").hasSuffix("\r\n\r\n"))
    #expect(try ask("GET /echo?a=b HTTP/1.1\r\nHost: a\r\nX-A: c\r\n\r\n").hasSuffix("\r\n\r\na=b c 127.0.0.1"))
  }

  @Test(arguments: [
    ("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 404), ("POST /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    ("POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab", 413),
    ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 426),
    ("nonsense\r\n\r\n", 400), ("GET /healthz HTTP/1.1\r\nA: \(String(repeating: "a", count: 2_000))\r\n\r\n", 431),
    ("GET /\(String(repeating: "a", count: 2_000)) HTTP/1.1\r\n\r\n", 431),
    (RawClient.handshake(), 401), (RawClient.handshake(["Authorization: Api-Key wrong"]), 401),
    (RawClient.handshake(path: "/other", ["Authorization: Api-Key secret"]), 404),
    (RawClient.handshake(["Authorization: Api-Key secret", "Origin: http://evil"]), 403),
    (RawClient.handshake(["Authorization: Api-Key secret"], version: 8), 400),
    (RawClient.handshake(["Authorization: Api-Key secret"]).replacing("GET", with: "POST"), 400),
  ])
  func `refusals`(request: String, status: Int) throws {
    #expect(try ask(request).hasPrefix("HTTP/1.1 \(status) "))
    #expect(test.server.next() == nil)
  }

  @Test func `the right key and the right page open a websocket, whose headers are seen`() throws {
    let client = try test.client()
    try client.open(path: "/?a=1", ["Authorization: Api-Key secret", "Origin: http://good"])
    guard case .opened(_, let request) = try test.event() else {
      Issue.record("no opening")
      return
    }
    #expect(request.header("AUTHORIZATION") == "Api-Key secret")
    #expect(request.path == "/" && request.query == "a=1" && request.method == "GET")
  }

  @Test func `who does not finish a request is shown the door`() throws {
    let client = try test.client()
    let silent = try test.client()
    try client.send("GET / HTTP/1.1\r\nHo")
    #expect(client.isEnded())
    #expect(silent.isEnded())
    try test.wait { $0.connections == 0 }
  }

  @Test func `a second request on a connection is not answered`() throws {
    let answer = try ask("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /echo HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(answer.hasSuffix("OK\n"))
  }
}
