import Dispatch
import MessagePack
import OpenPI
import RobotInterface
import TestSupport
import Testing
import WebWires

@Suite("openpi's clients and the daemon")
struct OpenPIWireTests {
  private func daemon(
    _ policy: CountingPolicy = CountingPolicy(), chunks: ChunkExecution = .overlapping
  ) throws -> WiredDaemon {
    try WiredDaemon(policy) { $0.openPI(at: Endpoint(.tcp(host: .ipv4("127.0.0.1"), port: nil)), chunks: chunks) }
  }

  private func observation(without missing: String = "", _ more: KeyValuePairs<String, MessagePackValue> = [:]) throws
    -> [UInt8]
  {
    let state = try NumericArray([0.25, 0.5], shape: [2]).messagePack(.openpi)
    var entries: [MessagePackMap.Entry] = [
      .init(.text("observation/image"), try Picture.openpi), .init(.text("observation/state"), state),
      .init(.text("prompt"), .text("push")),
    ]
    entries += more.map { .init(.text($0.key), $0.value) }
    return try MessagePackValue.map(MessagePackMap(entries.filter { $0.key.string != missing })).encoded()
  }

  /// Sends, and reads the answer.
  private func ask(_ client: RawClient, _ bytes: [UInt8]) throws -> RawClient.Frame {
    try client.send(RawClient.frame(RawClient.binary, bytes))
    return try client.receiveFrame()
  }

  private func map(_ frame: RawClient.Frame) throws -> MessagePackMap {
    try #require(frame.opcode == RawClient.binary, "\(String(decoding: frame.payload, as: UTF8.self))")
    return try MessagePackValue(decoding: frame.payload).requireMap()
  }

  @Test func `metadata, then an observation, then its chunk`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    #expect(daemon.address.hasPrefix("openpi://127.0.0.1:"))
    let client = try daemon.socket()
    let metadata = try map(client.receiveFrame())
    #expect(metadata["policy"]?.string == "counting")
    #expect(metadata["session"]?.string?.hasPrefix("openpi-1-") == true)
    let reply = try map(ask(client, observation()))
    let actions = try NumericArray(try #require(reply["actions"]))
    #expect(actions.shape == [3, 2])
    #expect(actions.doubles == [0, 1, 1, 1, 2, 1])
    let seen = try #require(daemon.policy.seen.first)
    #expect(seen.proprioception == [0.25, 0.5])
    #expect(seen.instruction == "push")
    #expect(seen.frames.map(\.camera) == ["front"])
    #expect(seen.frames.first?.data == Picture.pixels)
    #expect(seen.clock == .monotonic)
  }

  @Test func `a connection is a session: greeted, begun once, counted, and given up`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    do {
      let client = try daemon.socket()
      _ = try client.receiveFrame()
      for _ in 0..<2 { _ = try map(ask(client, observation())) }
      _ = try map(ask(client, observation(["reset": .bool(true)])))
    }
    #expect(
      daemon.asked(7)
        == ["hello", "reset", "observation 1", "observation 2", "reset", "observation 1", "release"])
  }

  @Test func `of a client that says nothing nobody knows what it has executed, nor which answers it has`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let client = try daemon.socket()
    _ = try client.receiveFrame()
    for _ in 0..<3 { _ = try map(ask(client, observation())) }
    #expect(daemon.policy.seen.map(\.actionsConsumed) == [0, 0, 0])
    #expect(daemon.policy.seen.allSatisfy { $0.echo == nil })
  }

  @Test func `where clients are said to finish their chunks, all of the last one is executed`() throws {
    let daemon = try daemon(chunks: .finished)
    defer { daemon.stop() }
    let client = try daemon.socket()
    _ = try client.receiveFrame()
    for _ in 0..<2 { _ = try map(ask(client, observation())) }
    _ = try map(ask(client, observation(["reset": .bool(true)])))
    // None in a new episode.
    #expect(daemon.policy.seen.map(\.actionsConsumed) == [0, 3, 0])
    #expect(daemon.policy.seen.last?.echo != nil)
  }

  @Test func `an observation that waits for the policy to be warm is as old as it is`() throws {
    let policy = CountingPolicy(isCold: true)
    let daemon = try daemon(policy)
    defer { daemon.stop() }
    let client = try daemon.socket()
    // The pong says that what came before the ping has been read.
    try client.send(
      RawClient.frame(RawClient.binary, observation()) + RawClient.frame(RawClient.ping))
    #expect(try client.receiveFrame().opcode == RawClient.pong)
    let arrived = MonotonicClock.nanoseconds()
    policy.warmth.signal()
    _ = try map(client.receiveFrame())
    _ = try map(client.receiveFrame())
    let seen = try #require(policy.seen.first)
    #expect(seen.capturedAt <= arrived && seen.sentAt <= arrived)
  }

  @Test func `a key that is missing is named with those that are expected, and the connection goes on`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let client = try daemon.socket()
    _ = try client.receiveFrame()
    let answer = try ask(client, observation(without: "observation/state"))
    #expect(answer.opcode == RawClient.text)
    let text = String(decoding: answer.payload, as: UTF8.self)
    #expect(text.hasPrefix("missing_key: observation/state: "))
    #expect(text.contains("expected observation/image, observation/state, prompt (optional)"))
    _ = try map(ask(client, observation()))
  }

  @Test func `a stop from anywhere ends the commands, and says so`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let client = try daemon.socket()
    let session = try #require(try map(client.receiveFrame())["session"]?.string)
    _ = try map(ask(client, observation()))
    try daemon.stopRobot(session)
    let answer = try ask(client, observation())
    #expect(answer.opcode == RawClient.text)
    #expect(String(decoding: answer.payload, as: UTF8.self).hasPrefix("stopped: "))
    #expect(daemon.policy.seen.count == 1)
  }

  @Test func `who comes before the policy is warm is answered when it is`() throws {
    let policy = CountingPolicy(isCold: true)
    let daemon = try daemon(policy)
    defer { daemon.stop() }
    let client = try daemon.socket()
    try client.send(RawClient.frame(RawClient.binary, observation()))
    #expect(daemon.asked(1) == ["hello"])
    policy.warmth.signal()
    #expect(try map(client.receiveFrame())["policy"]?.string == "counting")
    #expect(try map(client.receiveFrame())["actions"] != nil)
  }

  @Test func `a map of very many keys is refused before it is read, and a good one then taken`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let client = try daemon.socket()
    _ = try client.receiveFrame()
    let entries = (0..<5_000).map { MessagePackMap.Entry(.text("\($0)"), .integer(Int64($0))) }
    let answer = try ask(client, MessagePackValue.map(MessagePackMap(entries)).encoded())
    #expect(answer.opcode == RawClient.text)
    #expect(String(decoding: answer.payload, as: UTF8.self).contains("more than 8192 values"))
    _ = try map(ask(client, observation()))
  }

  @Test func `text is no observation`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let client = try daemon.socket()
    _ = try client.receiveFrame()
    try client.send(RawClient.frame(RawClient.text, Array("{}".utf8)))
    #expect(try client.receiveFrame().code == 1003)
  }

  @Test func `no addresses of other machines, no policies without numbers, no cameras that are not there`() throws {
    let wires = WebWires()
    defer { wires.shutDown() }
    let local = Endpoint(.tcp(host: .ipv4("127.0.0.1"), port: nil))
    func refusal(_ policy: CountingPolicy, _ make: ListenerMaker) -> RobotError.Code? {
      let setting = ListenerSetting(capabilities: policy.capabilities, maximumMessageBytes: 1 << 20, wake: {})
      do throws(RobotError) { try make(setting).shutDown(within: .zero) } catch { return error.code }
      return nil
    }
    #expect(refusal(CountingPolicy(), wires.openPI(at: Endpoint(.tcp(host: .any, port: nil)))) == .unsupported)
    #expect(refusal(CountingPolicy(actionNames: []), wires.openPI(at: local)) == .unsupported)
    let keys = OpenPIKeys(cameras: [.init(name: "back", key: "image")])
    #expect(refusal(CountingPolicy(), wires.openPI(at: local, keys: keys)) == .malformed)
    #expect(refusal(CountingPolicy(), wires.openPI(at: local)) == nil)
  }
}
