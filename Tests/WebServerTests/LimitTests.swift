import TestSupport
import Testing
import WebServer

@Suite("What a client may cost")
struct LimitTests {
  @Test func `the size of a message, in one frame or several`() throws {
    let test = try ServerUnderTest { $0.messageBytes = 1_000 }
    let parts = [500, 499].map { [UInt8](repeating: 1, count: $0) }
    let (client, _) = try test.socket()
    try client.send(RawClient.frame(2, [UInt8](repeating: 1, count: 1_000)))
    #expect(try test.message().count == 1_000)
    try client.send(RawClient.frame(2, parts[0], isLast: false) + RawClient.frame(0, parts[1] + [1]))
    #expect(try test.message().count == 1_000)
    try client.send(RawClient.frame(2, parts[0], isLast: false) + RawClient.frame(0, parts[1] + [1, 1]))
    #expect(try client.receiveFrame().code == 1009)
    #expect(test.server.statistics.rejectedBytes == 1_001)
    let other = try test.client()
    try other.open()
    try other.send(RawClient.frame(2, declaring: 1_001))
    #expect(try other.receiveFrame().code == 1009)
  }

  @Test func `who sends too much can finish, and learns why it is closed`() throws {
    let test = try ServerUnderTest { limits in
      limits.messageBytes = 100_000
      limits.closeTimeout = .seconds(5)
    }
    let much = [UInt8](repeating: 1, count: 24 << 20)
    let parts = [RawClient.frame(2, much, isLast: false), RawClient.frame(0, [1])]
    for bytes in [RawClient.frame(2, much), parts.flatMap(\.self), RawClient.frame(9, much)] {
      let (client, _) = try test.socket()
      try client.send(RawClient.frame(2, [7]))
      #expect(try test.message() == .binary([7]))
      // It reads nothing before it has sent all, and what the system keeps of it is far less.
      try client.send(bytes)
      let frame = try client.receiveFrame()
      #expect(frame.code == 1009)
      #expect(String(decoding: frame.payload.dropFirst(2), as: UTF8.self).contains("100000 bytes"))
      try client.send(RawClient.frame(RawClient.close, [3, 0xF1]))
      #expect(client.isEnded())
      #expect(try test.closure().code == 1009)
    }
    #expect(test.server.statistics.bufferedBytes == 0)
  }

  @Test func `who sends what cannot be read any more learns why, too`() throws {
    // Not so short that a pause in the sending would be taken for its end.
    let test = try ServerUnderTest { $0.closeTimeout = .seconds(3) }
    let (client, _) = try test.socket()
    let control = RawClient.frame(RawClient.ping, [UInt8](repeating: 1, count: 200))
    try client.send(control + [UInt8](repeating: 1, count: 24 << 20))
    #expect(try client.receiveFrame().code == 1002)
    #expect(client.isEnded())
  }

  @Test func `frames are told apart wherever reads end`() throws {
    let test = try ServerUnderTest { $0.messageBytes = 1_000 }
    let (client, _) = try test.socket()
    let sizes = [0, 1, 125, 126, 300, 1_000]
    for byte in sizes.flatMap({ RawClient.frame(2, [UInt8](repeating: 1, count: $0)) }) {
      try client.send([byte])
    }
    for size in sizes { #expect(try test.message().count == size) }
    client.offer(RawClient.frame(2, [UInt8](repeating: 1, count: 1_001)) + RawClient.frame(RawClient.close, [3, 0xE8]))
    #expect(try client.receiveFrame().code == 1009)
    #expect(client.isEnded())
  }

  @Test func `a message must be whole in time, however busily its bytes trickle`() throws {
    let test = try ServerUnderTest { $0.messageTimeout = .milliseconds(150) }
    for bytes in [
      RawClient.frame(2, [UInt8](repeating: 0, count: 100_000)),
      RawClient.frame(2, [1], isLast: false) + (0..<10_000).flatMap { _ in RawClient.frame(9) },
      RawClient.frame(2, [1], isLast: false) + (0..<10_000).flatMap { _ in RawClient.frame(0, [], isLast: false) },
    ] {
      let (client, _) = try test.socket()
      client.setTimeout(0.01)
      var place = 0, answer: RawClient.Frame?
      while place < bytes.count, answer?.opcode != RawClient.close {
        guard client.offer(Array(bytes[place..<place + 1])) == 1 else { break }
        place += 1
        answer = (try? client.receiveFrame()) ?? answer
      }
      #expect(answer?.code == 1008)
      #expect(try test.closure().code == 1008)
    }
  }

  @Test func `a client that sends without pause is not slow`() throws {
    let test = try ServerUnderTest { $0.messageTimeout = .seconds(2) }
    let (client, _) = try test.socket()
    let frame = RawClient.frame(2, [UInt8](repeating: 1, count: 5_000))
    let begin = ContinuousClock.now
    // Each read ends within a frame.
    try client.send(Array(frame.prefix(2_500)))
    while ContinuousClock.now - begin < .seconds(3) {
      try client.send(Array(frame.suffix(frame.count - 2_500) + frame.prefix(2_500)))
      #expect(try test.message().count == 5_000)
    }
  }

  @Test func `who says nothing is asked, and who does not answer is closed`() throws {
    let test = try ServerUnderTest { $0.idleTimeout = .seconds(3) }
    let (client, _) = try test.socket()
    for _ in 0..<3 {
      #expect(try client.receiveFrame().opcode == RawClient.ping)
      try client.send(RawClient.frame(RawClient.pong))
    }
    #expect(try client.receiveFrame().opcode == RawClient.ping)
    #expect(try client.receiveFrame().code == 1001)
    #expect(try test.closure().code == 1001)
  }

  @Test func `whose messages nobody takes is not read, and goes on where it was`() throws {
    let test = try ServerUnderTest { $0.waitingMessages = 3 }
    let (client, _) = try test.socket()
    client.setTimeout(0.3)
    let messages = (0..<200).map { [UInt8](repeating: UInt8($0), count: 100_000) }
    var waiting = messages.flatMap { RawClient.frame(2, $0) }[...]
    waiting = waiting.dropFirst(client.offer(Array(waiting)))
    #expect(waiting.count > 1_000_000, "the kernel's buffers hold some, the server three")
    #expect(test.server.statistics.messages < 10)
    var received = 0
    while received < messages.count {
      waiting = waiting.dropFirst(client.offer(Array(waiting.prefix(100_000))))
      #expect(try test.message() == .binary(messages[received]))
      received += 1
    }
    #expect(test.server.statistics.bufferedBytes == 0)
  }

  @Test func `who is not read cannot be late`() throws {
    let test = try ServerUnderTest { limits in
      limits.waitingMessages = 1
      limits.messageTimeout = .seconds(2)
      limits.idleTimeout = .seconds(2)
    }
    let (client, _) = try test.socket()
    let second = RawClient.frame(2, [2, 2, 2])
    try client.send(RawClient.frame(2, [1]) + second.prefix(5))
    client.setTimeout(3)
    let silence = #expect(throws: RawClient.Failure.self) { try client.receiveFrame() }
    #expect(silence?.description.hasPrefix("receive: ") == true, "neither a ping nor an end")
    #expect(try test.message() == .binary([1]))
    try client.send(Array(second.dropFirst(5)))
    #expect(try test.message() == .binary([2, 2, 2]))
  }

  @Test func `memory for messages is bounded for all together`() throws {
    let test = try ServerUnderTest { $0.bufferedBytes = 250_000 }
    let (first, _) = try test.socket()
    let (second, connection) = try test.socket()
    try first.send(RawClient.frame(2, [UInt8](repeating: 1, count: 200_000)))
    try test.wait { $0.messages == 1 }
    try second.send(RawClient.frame(2, [UInt8](repeating: 1, count: 40_000)))
    try test.wait { $0.messages == 2 }
    second.offer(Array(RawClient.frame(2, [UInt8](repeating: 1, count: 60_000)).dropLast()))
    #expect(try second.receiveFrame().code == 1013)
    // The others' messages are all there, and there is room again.
    guard case .message(_, .binary(let bytes), _) = try test.event() else {
      Issue.record("no message")
      return
    }
    #expect(bytes.count == 200_000)
    #expect(
      try test.event()
        == .closed(
          connection, WebClosure(code: 1013, byPeer: false, reason: "the server has no memory for more messages")))
    try first.send(RawClient.frame(2, [UInt8](repeating: 1, count: 200_000)))
    #expect(try test.message().count == 200_000)
    #expect(test.server.statistics.bufferedBytes == 0)
  }

  @Test func `who does not read gets no more, and then is cut off`() throws {
    let test = try ServerUnderTest { limits in
      limits.unsentBytes = 4 << 20
      limits.writeTimeout = .seconds(2)
    }
    let (silent, connection) = try test.socket(receiveBuffer: 4_096)
    defer { withExtendedLifetime(silent) {} }
    let (other, otherConnection) = try test.socket()
    let message = WebMessage.binary([UInt8](repeating: 1, count: 1 << 20))
    var deliveries: [WebDelivery] = []
    while deliveries.last != .full, deliveries.count < 100 {
      deliveries.append(test.server.send(message, to: connection))
    }
    #expect(deliveries.last == .full)
    #expect((4...20).contains(deliveries.count))
    // One that is not larger than the limit by itself, to somebody who reads.
    #expect(test.server.send(.binary([UInt8](repeating: 1, count: 5 << 20)), to: otherConnection) == .sent)
    #expect(try other.receiveFrame().payload.count == 5 << 20)
    #expect(
      try test.event() == .closed(connection, WebClosure(code: 1006, byPeer: false, reason: "the client does not read"))
    )
  }

  @Test func `pongs do not pile up for who does not read them`() throws {
    let test = try ServerUnderTest { $0.writeTimeout = .milliseconds(300) }
    let (client, _) = try test.socket(receiveBuffer: 4_096)
    client.setTimeout(0.5)
    let pings = (0..<1_000).flatMap { _ in RawClient.frame(9, [UInt8](repeating: 1, count: 125)) }
    var rounds = 0
    while client.offer(pings) == pings.count, rounds < 500 { rounds += 1 }
    #expect(rounds < 500)
    #expect(try test.closure().code == 1006)
  }

  @Test func `connections in all and of one peer`() throws {
    for limit in [\WebLimits.connections, \.connectionsOfOnePeer] {
      let test = try ServerUnderTest { $0[keyPath: limit] = 2 }
      var clients = try [test.client(), test.client()]
      for client in clients { try client.open() }
      let third = try test.client()
      #expect(try third.receiveAll().hasPrefix("HTTP/1.1 503 "))
      #expect(test.server.statistics.refused == 1)
      clients.removeLast()
      try test.wait { $0.connections == 1 }
      let fourth = try test.client()
      try fourth.open()
    }
  }

  @Test func `connections take turns`() throws {
    let test = try ServerUnderTest()
    let (busy, first) = try test.socket()
    let (other, second) = try test.socket()
    for number in 0..<5 { try busy.send(RawClient.frame(2, [UInt8(number)])) }
    try test.wait { $0.messages == 5 }
    try other.send(RawClient.frame(2, [9]))
    try test.wait { $0.messages == 6 }
    #expect(try test.message(of: first) == .binary([0]))
    #expect(try test.message(of: second) == .binary([9]))
    for number in 1..<5 { #expect(try test.message(of: first) == .binary([UInt8(number)])) }
  }
}
