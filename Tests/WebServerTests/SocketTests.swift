import Dispatch
import RobotInterface
import TestSupport
import Testing
import WebServer

@Suite("Websockets")
struct SocketTests {
  @Test func `messages of both kinds, both ways`() throws {
    let test = try ServerUnderTest()
    let (client, connection) = try test.socket()
    for (message, opcode, bytes) in [
      (WebMessage.text("Größe"), RawClient.text, Array("Größe".utf8)),
      (.binary([0, 255]), RawClient.binary, [0, 255]),
      (.binary([]), RawClient.binary, []),
      (.binary([UInt8](repeating: 7, count: 70_000)), RawClient.binary, .init(repeating: 7, count: 70_000)),
    ] {
      try client.send(RawClient.frame(opcode, bytes))
      #expect(try test.event() == .message(connection, message))
      #expect(test.server.send(message, to: connection) == .sent)
      #expect(try client.receiveFrame() == RawClient.Frame(opcode: opcode, payload: bytes))
    }
  }

  @Test func `a message in parts, byte by byte, with a ping in the middle`() throws {
    let test = try ServerUnderTest()
    let (client, connection) = try test.socket()
    let bytes =
      RawClient.frame(RawClient.text, Array("ab".utf8), isLast: false) + RawClient.frame(RawClient.ping, [1, 2])
      + RawClient.frame(0, [], isLast: false) + RawClient.frame(0, Array("c".utf8))
    for byte in bytes { try client.send([byte]) }
    #expect(try test.event() == .message(connection, .text("abc")))
    #expect(try client.receiveFrame() == RawClient.Frame(opcode: RawClient.pong, payload: [1, 2]))
  }

  @Test func `a message arrived when it left the socket, however long it lies here`() throws {
    let test = try ServerUnderTest()
    let (client, connection) = try test.socket()
    let before = MonotonicClock.nanoseconds()
    try client.send(RawClient.frame(RawClient.binary, [1]))
    try test.wait { $0.messages == 1 }
    let after = MonotonicClock.nanoseconds()
    let (event, arrivedAt) = try #require(test.server.nextWithTime())
    #expect(event == .message(connection, .binary([1])))
    #expect((before...after).contains(arrivedAt))
  }

  @Test func `pings are answered while nobody takes messages`() throws {
    let test = try ServerUnderTest()
    let client = try test.client()
    try client.open()
    try client.send(RawClient.frame(RawClient.binary, [1]) + RawClient.frame(RawClient.ping, [9]))
    #expect(try client.receiveFrame() == RawClient.Frame(opcode: RawClient.pong, payload: [9]))
  }

  @Test(
    arguments: [
      (RawClient.frame(1, [65], isMasked: false), 1002), (RawClient.frame(1, [65], reserved: 4), 1002),
      (RawClient.frame(1, [65], reserved: 1), 1002), (RawClient.frame(3, [65]), 1002), (RawClient.frame(11), 1002),
      (RawClient.frame(0, [65]), 1002), (RawClient.frame(1, [65], isLast: false) + RawClient.frame(1, [65]), 1002),
      (RawClient.frame(9, [], isLast: false), 1002), (RawClient.frame(9, [UInt8](repeating: 0, count: 126)), 1002),
      (RawClient.frame(1, [0xc3, 0x28]), 1007), (RawClient.frame(2, declaring: 1 << 40), 1009),
      (RawClient.frame(2, declaring: -1), 1009), (RawClient.frame(8, [3]), 1002),
      (RawClient.frame(8, [3, 0xee]), 1002),
      (RawClient.frame(8, [3, 0xe8, 0xc3, 0x28]), 1002),
    ] as [([UInt8], Int)])
  func `who breaks the protocol is told its code`(bytes: [UInt8], code: Int) throws {
    let test = try ServerUnderTest()
    let (client, _) = try test.socket()
    try client.send(bytes)
    let frame = try client.receiveFrame()
    #expect(frame.opcode == RawClient.close)
    #expect(frame.code == code)
    let closure = try test.closure()
    #expect(closure.code == code && !closure.byPeer)
    #expect(test.server.statistics.closedForCause == [code: 1])
    try? client.send(RawClient.frame(RawClient.close, [3, 0xe8]))
    #expect(client.isEnded())
  }

  @Test func `who closes is answered with the same code`() throws {
    let test = try ServerUnderTest()
    for (payload, code) in [([3, 0xe8], 1000), ([0x0f, 0xa0, 0x68, 0x69], 4000), ([], 1005)] as [([UInt8], Int)] {
      let (client, connection) = try test.socket()
      try client.send(RawClient.frame(RawClient.close, payload))
      #expect(try client.receiveFrame() == RawClient.Frame(opcode: RawClient.close, payload: Array(payload.prefix(2))))
      #expect(client.isEnded())
      #expect(
        try test.event() == .closed(connection, WebClosure(code: code, byPeer: true, reason: "the client closed")))
      #expect(test.server.send(.text("x"), to: connection) == .gone)
    }
    #expect(test.server.statistics.closedForCause.isEmpty)
  }

  @Test func `a connection that is cut ends its websocket, once`() throws {
    let test = try ServerUnderTest()
    var client = Optional(try test.socket().client)
    try client?.send(RawClient.frame(RawClient.binary, [1]) + [0x82])
    try test.wait { $0.messages == 1 }
    client = nil
    try test.wait { $0.sockets == 0 }
    // The message that nobody took is gone with it.
    #expect(try test.closure().code == 1006)
    #expect(test.server.next() == nil)
    #expect(test.server.statistics.bufferedBytes == 0)
  }

  @Test func `of who came and went unseen nothing is told`() throws {
    let test = try ServerUnderTest()
    for _ in 0..<50 {
      let client = try test.client()
      try client.open()
      try client.send(RawClient.frame(RawClient.binary, [1]))
    }
    try test.wait { $0.accepted == 50 && $0.connections == 0 }
    #expect(test.server.next() == nil)
  }

  @Test func `this side closes after what it has said`() throws {
    let test = try ServerUnderTest { $0.closeTimeout = .milliseconds(100) }
    let (client, connection) = try test.socket()
    test.server.send(.text("last"), to: connection)
    test.server.close(connection, code: 1011, reason: String(repeating: "ü", count: 100))
    #expect(try client.receiveFrame().payload == Array("last".utf8))
    let frame = try client.receiveFrame()
    #expect(frame.code == 1011)
    #expect(String(validating: frame.payload.dropFirst(2), as: UTF8.self) == String(repeating: "ü", count: 61))
    #expect(try test.closure().code == 1011)
    // It does not wait for ever for an answer, nor for the rest of what is sent meanwhile.
    #expect(client.isEnded())
    #expect(test.server.send(.text("x"), to: connection) == .gone)
  }

  @Test func `the server says good-bye and ends`() throws {
    let test = try ServerUnderTest()
    let (client, _) = try test.socket()
    let silent = try test.client()
    try test.wait { $0.connections == 2 }
    let begin = ContinuousClock.now
    test.server.shutDown(within: .milliseconds(200))
    #expect(ContinuousClock.now - begin < .seconds(10))
    #expect(try client.receiveFrame().code == 1001)
    #expect(client.isEnded() && silent.isEnded())
    #expect(throws: RawClient.Failure.self) { try RawClient(port: test.port) }
  }

  @Test(arguments: UInt64(0)..<4) func `random bytes bring nobody down`(seed: UInt64) throws {
    let test = try ServerUnderTest { limits in
      limits.messageBytes = 1_000
      limits.closeTimeout = .milliseconds(50)
    }
    let (witness, connection) = try test.socket()
    var random = SeededGenerator(seed: seed)
    for round in 0..<60 {
      let client = try test.client()
      if round % 3 > 0 { try client.open() }
      var bytes = RawClient.frame(
        UInt8.random(in: 0...10, using: &random), [1, 2, 3], isLast: Bool.random(using: &random))
      if round % 3 != 1 { bytes = random.mutated(bytes + RawClient.handshake().utf8) }
      client.offer(bytes)
    }
    while let event = test.server.next() {
      if case .closed(connection, _) = event { Issue.record("the witness ended") }
    }
    test.server.send(.text("still here"), to: connection)
    #expect(try witness.receiveFrame().payload == Array("still here".utf8))
  }
}
