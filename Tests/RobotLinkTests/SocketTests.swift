import CZeroMQ
import Foundation
import ProtobufCodec
import RobotInterface
import RobotLink
import Testing
import ZeroMQTransport

@Suite("The router hears REQ and DEALER clients and answers each")
struct SocketTests {
  private func router(maximumMessageBytes: Int = 1000, wakeUp: WakeUp? = nil) throws -> RouterSocket {
    var options = RouterSocket.Options()
    options.maximumMessageBytes = maximumMessageBytes
    return try RouterSocket(endpoint: "tcp://127.0.0.1:*", options: options, wakeUp: wakeUp)
  }

  private func peer(_ kind: ZeroMQSocket.Kind, _ endpoint: Endpoint) throws -> ZeroMQSocket {
    var socket = try ZeroMQSocket(kind, options: [(ZMQ_LINGER, 0)], maximumFrameBytes: -1)
    try socket.connect(endpoint)
    return socket
  }

  @Test func `a dealer without delimiter`() throws {
    var router = try router()
    var dealer = try peer(.dealer, router.endpoint)
    #expect(try dealer.send([[1, 2, 3]]))
    guard case .message(let route, let bytes) = try router.receive(timeout: .seconds(5)) else {
      Issue.record("no message")
      return
    }
    #expect(bytes == [1, 2, 3])
    #expect(!route.hasDelimiter)
    #expect(try router.deliver([4], to: route) == .sent)
    #expect(try dealer.waitToReceive(timeout: .seconds(5), wakeUp: nil))
    #expect(try dealer.receive(maximumBytes: 10)?.map(\.bytes) == [[4]])
  }

  @Test func `a REQ client's delimiter goes back to it`() throws {
    var router = try router()
    var client = try peer(.request, router.endpoint)
    #expect(try client.send([[9]]))
    guard case .message(let route, let bytes) = try router.receive(timeout: .seconds(5)) else {
      Issue.record("no message")
      return
    }
    #expect(bytes == [9])
    #expect(route.hasDelimiter)
    #expect(try router.deliver([8], to: route) == .sent)
    // REQ takes the delimiter off; without one it would drop the reply.
    #expect(try client.waitToReceive(timeout: .seconds(5), wakeUp: nil))
    #expect(try client.receive(maximumBytes: 10)?.map(\.bytes) == [[8]])
  }

  @Test func `a message over the limit is reported with its header, not dropped`() throws {
    var router = try router(maximumMessageBytes: 1000)
    var dealer = try peer(.dealer, router.endpoint)
    let large = WireWriter.request(id: 5, session: "big") { $0.content(11, [UInt8](repeating: 0, count: 3000)) }
    #expect(try dealer.send([large]))
    guard case .tooLarge(_, let beginning, let bytes) = try router.receive(timeout: .seconds(5)) else {
      Issue.record("not reported")
      return
    }
    #expect(MessageHeader.peek(beginning) == MessageHeader(protocolVersion: 2, requestID: 5, sessionID: "big"))
    #expect(bytes == large.count)
  }

  @Test func `a message over the hard limit costs its sender the connection, and nobody else`() throws {
    var router = try router(maximumMessageBytes: 1000)
    var hostile = try peer(.dealer, router.endpoint)
    var honest = try peer(.dealer, router.endpoint)
    #expect(try hostile.send([[UInt8](repeating: 0, count: 100_000)]))
    #expect(try router.receive(timeout: .milliseconds(200)) == nil)
    #expect(try honest.send([[1]]))
    guard case .message(_, [1]) = try router.receive(timeout: .seconds(5)) else {
      Issue.record("no message")
      return
    }
  }

  @Test func `several frames are no request`() throws {
    var router = try router()
    var dealer = try peer(.dealer, router.endpoint)
    #expect(try dealer.send([[1], [2], [3], [4], [5], [6]]))
    guard case .malformed(_, let error) = try router.receive(timeout: .seconds(5)) else {
      Issue.record("not refused")
      return
    }
    #expect(error.code == .malformed)
    // All of them are off the socket: the next message is whole.
    #expect(try dealer.send([[7]]))
    guard case .message(_, [7]) = try router.receive(timeout: .seconds(5)) else {
      Issue.record("no message")
      return
    }
  }

  @Test func `another thread can wake the waiting one`() throws {
    let wakeUp = try WakeUp()
    var router = try router(wakeUp: wakeUp)
    Thread.detachNewThread {
      Thread.sleep(forTimeInterval: 0.05)
      wakeUp.signal()
    }
    let begin = ContinuousClock.now
    #expect(try router.receive(timeout: .seconds(30)) == nil)
    #expect(ContinuousClock.now - begin < .seconds(10))
  }

  @Test func `a signal before the wait is not lost, and does not last`() throws {
    let wakeUp = try WakeUp()
    var router = try router(wakeUp: wakeUp)
    for _ in 0..<100_000 { wakeUp.signal() }
    let begin = ContinuousClock.now
    #expect(try router.receive(timeout: .seconds(30)) == nil)
    #expect(ContinuousClock.now - begin < .seconds(10))
    let second = ContinuousClock.now
    #expect(try router.receive(timeout: .milliseconds(30)) == nil)
    #expect(ContinuousClock.now - second >= .milliseconds(25))
  }

  @Test func `a reply to a client that has gone is reported`() throws {
    var router = try router()
    #expect(try router.deliver([1], to: RouterSocket.Peer(identity: [1, 2, 3], hasDelimiter: false)) != .sent)
  }

  @Test func `a peer that reads is never taken for one that does not`() throws {
    var router = try router()
    var dealer = try peer(.dealer, router.endpoint)
    // Fewer at a time than libzmq keeps for a client, many times, faster than it looks at its own news.
    for _ in 0..<300 {
      for _ in 0..<60 { #expect(try dealer.send([[1]])) }
      for _ in 0..<60 {
        guard case .message(let route, _) = try router.receive(timeout: .seconds(20)) else {
          Issue.record("no message")
          return
        }
        try #require(try router.deliver([2], to: route) == .sent)
      }
      for _ in 0..<60 {
        #expect(try dealer.waitToReceive(timeout: .seconds(20), wakeUp: nil))
        #expect(try dealer.receive(maximumBytes: 10)?.count == 1)
      }
    }
  }

  @Test func `an address that is taken or none is an error with a reason`() throws {
    let router = try router()
    #expect(throws: RobotError.self) { _ = try RouterSocket(endpoint: router.endpoint).endpoint }
    for endpoint in ["", "tcp://", "nonsense://x", "ipc:///no/such/directory/socket"] {
      #expect(throws: RobotError.self) { _ = try RouterSocket(endpoint: endpoint).endpoint }
    }
    #expect(throws: ClientError.self) { try RobotClient(endpoint: "nonsense", sessionID: "s") }
  }

  @Test func `a client without a daemon gives up in time`() throws {
    let client = try RobotClient(endpoint: "tcp://127.0.0.1:1", sessionID: "s", timeout: .milliseconds(50))
    let begin = ContinuousClock.now
    #expect(throws: ClientError.timedOut(after: .milliseconds(50))) { try client.reset() }
    #expect(ContinuousClock.now - begin < .seconds(5))
  }

  @Test func `an answer that comes too late is not taken for the next one`() throws {
    var router = try router()
    let client = try RobotClient(endpoint: router.endpoint, sessionID: "s", timeout: .seconds(1))
    #expect(throws: ClientError.timedOut(after: .seconds(1))) { try client.stop(reason: "") }
    guard case .message(let route, let bytes) = try router.receive(timeout: .seconds(5)) else {
      Issue.record("no message")
      return
    }
    let late = ReplyMessage(
      requestID: try RequestMessage(decoding: bytes).requestID, sessionID: "s", body: .acknowledgement(stopped: true))
    #expect(try router.deliver(late.encoded(), to: route) == .sent)
    #expect(throws: ClientError.timedOut(after: .seconds(1))) { try client.resume() }
  }
}
