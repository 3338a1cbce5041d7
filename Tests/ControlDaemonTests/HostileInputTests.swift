import ControlDaemon
import ProtobufCodec
import RobotInterface
import RobotLink
import Testing

@Suite("A bad message gets an error, and everybody else goes on")
struct HostileInputTests {
  /// Sends `bytes` and returns the daemon's reply, after making sure that another robot is still served.
  private func reply(to bytes: [UInt8], _ daemon: RunningDaemon) throws -> ReplyMessage {
    let hostile = try daemon.client("hostile")
    try hostile.send(bytes)
    let reply = try hostile.receive()
    let honest = try daemon.client("honest")
    try honest.reset()
    _ = try honest.act(on: .sample(1))
    return reply
  }

  private func code(_ reply: ReplyMessage) -> RobotError.Code? {
    guard case .error(let error) = reply.body else { return nil }
    return error.code
  }

  @Test func `bytes that are no request`() throws {
    let daemon = try RunningDaemon(FakePolicy())
    defer { daemon.stop() }
    for bytes in [[], [0xff], Array("hello".utf8), [UInt8](repeating: 0x0a, count: 5000)] {
      let reply = try reply(to: bytes, daemon)
      #expect(code(reply) == .malformed)
    }
  }

  @Test func `another version, answered with its ids`() throws {
    let daemon = try RunningDaemon(FakePolicy())
    defer { daemon.stop() }
    var bytes = try RequestMessage(requestID: 77, sessionID: "hostile", body: .reset).encoded()
    #expect(bytes[0] == 0x08)
    bytes[1] = 1
    let reply = try reply(to: bytes, daemon)
    #expect(code(reply) == .unsupportedVersion)
    #expect(reply.requestID == 77)
    #expect(reply.sessionID == "hostile")
  }

  @Test func `a request without a body`() throws {
    let daemon = try RunningDaemon(FakePolicy())
    defer { daemon.stop() }
    let bytes = try RequestMessage(requestID: 9, sessionID: "hostile", body: .reset).encoded()
    let reply = try reply(to: Array(bytes.dropLast(2)), daemon)
    #expect(code(reply) == .malformed)
    #expect(reply.requestID == 9)
  }

  @Test func `a number that is none`() throws {
    let daemon = try RunningDaemon(FakePolicy())
    defer { daemon.stop() }
    let marker = 0.123456789
    let request = RequestMessage(
      requestID: 1, sessionID: "hostile", body: .observation(.sample(1, proprioception: [marker, 0])))
    let bytes = try replacing(marker, by: .nan, in: request.encoded())
    #expect(try code(reply(to: bytes, daemon)) == .invalidProprioception)
  }

  @Test func `a message that is too large, answered with its ids`() throws {
    let daemon = try RunningDaemon(FakePolicy(maximumMessageBytes: 10_000))
    defer { daemon.stop() }
    let request = RequestMessage(
      requestID: 3, sessionID: "hostile", body: .observation(.sample(1, bytes: 30_000)))
    let reply = try reply(to: request.encoded(), daemon)
    #expect(code(reply) == .tooLarge)
    #expect(reply.requestID == 3)
    #expect(reply.sessionID == "hostile")
  }

  @Test func `a message that ZeroMQ itself refuses harms nobody else`() throws {
    let daemon = try RunningDaemon(FakePolicy(maximumMessageBytes: 10_000))
    defer { daemon.stop() }
    let hostile = try daemon.client("hostile", timeout: .milliseconds(100))
    try hostile.send([UInt8](repeating: 1, count: 1_000_000))
    let honest = try daemon.client("honest")
    for sequence in UInt64(1)...20 { _ = try honest.act(on: .sample(sequence)) }
  }

  @Test func `thousands of broken messages`() throws {
    let daemon = try RunningDaemon(FakePolicy())
    defer { daemon.stop() }
    let hostile = try daemon.client("hostile")
    let good = try RequestMessage(
      requestID: 1, sessionID: "hostile", sessionToken: hostile.sessionToken, body: .observation(.sample(1))
    ).encoded()
    for round in 0..<2_000 {
      var bytes = good
      let place = round % bytes.count
      bytes[place] = bytes[place] &+ UInt8(1 + round / bytes.count)
      try hostile.send(bytes)
      _ = try hostile.receive()
    }
    _ = try daemon.client("honest").act(on: .sample(1))
    #expect(daemon.daemon.metrics.requests == 2_003)
  }

  @Test func `thousands of broken questions, each with one final reply`() throws {
    let daemon = try RunningDaemon(TalkingPolicy())
    defer { daemon.stop() }
    let hostile = try daemon.stranger("hostile")
    let question = GenerationRequest(
      prompt: "cup", images: Observation.sample(1).frames, audio: [1, 2, 3],
      box: .init(minX: 0, minY: 0, maxX: 1, maxY: 1), maximumTokens: 3, temperature: 1, topK: 2, topP: 0.5,
      progressInterval: 1_000_000)
    let good = try RequestMessage(requestID: 1, sessionID: "hostile", body: .generate(question)).encoded()
    for round in 0..<2_000 {
      var bytes = good
      let place = round % bytes.count
      bytes[place] = bytes[place] &+ UInt8(1 + round / bytes.count)
      try hostile.send(bytes)
      while try !hostile.receive().body.isFinal {}
    }
    #expect(daemon.daemon.metrics.requests == 2_000)
    #expect(try daemon.client("honest").generate(GenerationRequest(prompt: "cup")).text == "a cup")
  }

  @Test func `a question about text without a model that writes`() throws {
    let daemon = try RunningDaemon(FakePolicy())
    defer { daemon.stop() }
    let person = try daemon.client()
    #expect(
      refusal { () throws(ClientError) in try person.generate(GenerationRequest(prompt: "what is this?")) }?.code
        == .unsupported)
  }

  private func replacing(_ number: Double, by other: Double, in bytes: [UInt8]) throws -> [UInt8] {
    func pattern(_ value: Double) -> [UInt8] { withUnsafeBytes(of: value.bitPattern.littleEndian) { [UInt8]($0) } }
    let old = pattern(number)
    let start = try #require(bytes.indices.first { bytes[$0...].starts(with: old) })
    var bytes = bytes
    bytes.replaceSubrange(start..<start + old.count, with: pattern(other))
    return bytes
  }
}
