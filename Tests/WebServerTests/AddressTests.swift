import Testing
import WebServer

@Suite("Where a server listens")
struct AddressTests {
  @Test(arguments: [
    ("127.0.0.1:8000", "127.0.0.1", 8000, true), ("localhost:1", "127.0.0.1", 1, true),
    ("[::1]:65535", "::1", 65_535, true),
    ("*:9464", "0.0.0.0", 9464, false), ("10.0.0.5:*", "10.0.0.5", 0, false),
  ])
  func `good addresses`(text: String, host: String, port: Int, isLocal: Bool) throws {
    let address = try WebAddress(text)
    #expect(address.host == host)
    #expect(address.port == port)
    #expect(address.isLocal == isLocal)
  }

  @Test(arguments: [
    "", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:080", "127.0.0.1:+80",
    "example.org:80",
    "::1:80", "[::1:80", "[localhost]:80", "1:80", "300.1.1.1:80",
  ])
  func `bad addresses`(text: String) {
    let error = #expect(throws: WebServerError.self) { try WebAddress(text) }
    #expect(error?.code == .invalidAddress)
    #expect(error?.message.contains("tcp://") == false)
  }

  @Test func `two servers do not share a port`() throws {
    let test = try ServerUnderTest()
    let loop = WebLoop()
    defer { loop.shutDown() }
    let error = #expect(throws: WebServerError.self) {
      try WebServer(at: WebAddress("127.0.0.1:\(test.port)"), WebService(), on: loop)
    }
    #expect(error?.code == .addressInUse)
    #expect(error?.subject == "127.0.0.1:\(test.port)")
  }

  @Test func `an address of another machine`() throws {
    let loop = WebLoop()
    defer { loop.shutDown() }
    let error = #expect(throws: WebServerError.self) {
      try WebServer(at: WebAddress("192.0.2.1:8000"), WebService(), on: loop)
    }
    #expect(error?.code == .cannotListen)
  }
}
