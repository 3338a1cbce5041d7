import Dispatch
import TestSupport
import Testing
import WebServer

/// A server on a free port of this machine, and whoever waits for its events.
final class ServerUnderTest {
  let server: WebServer
  private let loop = WebLoop()
  private let news = DispatchSemaphore(value: 0)

  init(_ service: WebService = WebService(), limits change: (inout WebLimits) -> Void = { _ in }) throws {
    var limits = WebLimits()
    change(&limits)
    let news = news
    server = try WebServer(at: WebAddress("127.0.0.1:*"), service, limits: limits, wake: { news.signal() }, on: loop)
  }

  deinit {
    server.shutDown(within: .milliseconds(50))
    loop.shutDown()
  }

  var port: Int { server.address.port }

  func client(receiveBuffer: Int32 = 0) throws -> RawClient {
    try RawClient(port: port, receiveBuffer: receiveBuffer)
  }

  /// A client with an open websocket, whose opening has been taken.
  func socket(receiveBuffer: Int32 = 0) throws -> (client: RawClient, connection: WebConnection) {
    let client = try client(receiveBuffer: receiveBuffer)
    try client.open()
    guard case .opened(let connection, _) = try event() else { throw RawClient.Failure(description: "no opening") }
    return (client, connection)
  }

  /// The next event; waits for it.
  func event() throws -> WebEvent {
    while true {
      if let event = server.next() { return event }
      guard news.wait(timeout: .now() + 20) == .success else { throw RawClient.Failure(description: "no event") }
    }
  }

  /// The next event, which must be a message.
  func message() throws -> WebMessage {
    guard case .message(_, let message, _) = try event() else { throw RawClient.Failure(description: "no message") }
    return message
  }

  /// The next event, which must be a message of that connection.
  func message(of expected: WebConnection) throws -> WebMessage {
    guard case .message(expected, let message, _) = try event() else {
      throw RawClient.Failure(description: "no message of \(expected)")
    }
    return message
  }

  /// The next event, which must be an end.
  func closure() throws -> WebClosure {
    guard case .closed(_, let closure) = try event() else { throw RawClient.Failure(description: "no end") }
    return closure
  }

  /// Waits until a statistic is as it shall be; the test fails after 20 s.
  func wait(until isReached: (WebStatistics) -> Bool) throws {
    let end = ContinuousClock.now + .seconds(20)
    while !isReached(server.statistics) {
      guard ContinuousClock.now < end else { throw RawClient.Failure(description: "\(server.statistics)") }
      _ = news.wait(timeout: .now() + 0.005)
    }
  }
}
