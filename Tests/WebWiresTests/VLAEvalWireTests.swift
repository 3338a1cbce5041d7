import MessagePack
import RobotInterface
import RobotLink
import TestSupport
import Testing
import WebWires

@Suite("vla-eval's harnesses and the daemon")
struct VLAEvalWireTests {
  private func daemon(_ policy: CountingPolicy = CountingPolicy()) throws -> WiredDaemon {
    try WiredDaemon(policy) { $0.vlaEval(at: Endpoint(.tcp(host: .ipv4("127.0.0.1"), port: nil))) }
  }

  private func send(_ client: RawClient, _ kind: String, _ sequence: Int, _ payload: MessagePackMap) throws {
    let frame = MessagePackValue.map([
      "type": .text(kind), "payload": .map(payload), "seq": .integer(Int64(sequence)), "timestamp": .double(0),
    ])
    try client.send(RawClient.frame(RawClient.binary, try frame.encoded()))
  }

  /// The next frame: its type, its sequence number and its payload.
  private func receive(_ client: RawClient) throws -> (kind: String, sequence: Double, payload: MessagePackMap) {
    let map = try MessagePackValue(decoding: client.receiveFrame().payload).requireMap()
    return (
      map["type"]?.string ?? "", map["seq"]?.number ?? -1, try #require(map["payload"]).requireMap()
    )
  }

  private func hello(_ client: RawClient) throws -> MessagePackMap {
    try send(client, "hello", 0, MessagePackMap(["harness_version": .text("0.8.0"), "protocol_version": .integer(1)]))
    let (kind, _, payload) = try receive(client)
    #expect(kind == "hello")
    return payload
  }

  private func begin(_ client: RawClient, _ sequence: Int, live: Bool = false) throws {
    var payload: [MessagePackMap.Entry] = [.init(.text("task"), .map(["name": .text("push")]))]
    if live { payload.append(.init(.text("mode"), .text("live"))) }
    try send(client, "episode_start", sequence, MessagePackMap(payload))
  }

  private func observe(
    _ client: RawClient, _ sequence: Int, _ instruction: String = "push", state: [Float] = [0.25, 0.5]
  ) throws {
    let state = try NumericArray(state, shape: [2]).messagePack(.vlaEval)
    try send(
      client, "observation", sequence,
      MessagePackMap([
        "images": .map(["agentview": try Picture.vlaEval]), "state": state, "task_description": .text(instruction),
      ]))
  }

  /// The action that answers one more observation.
  private func step(_ client: RawClient, _ sequence: Int) throws -> [Double] {
    try observe(client, sequence)
    let (kind, echo, payload) = try receive(client)
    try #require(kind == "action", "\(payload)")
    #expect(echo == Double(sequence))
    return try NumericArray(try #require(payload["actions"])).doubles
  }

  @Test func `hello says what the policy drives, and how to stop it`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let payload = try hello(daemon.socket())
    #expect(payload["model_server"]?.string == "counting")
    guard case .map(let specification)? = payload["action_spec"], case .map(let facts)? = payload["capabilities"]
    else {
      Issue.record("\(payload)")
      return
    }
    #expect(specification["dx"] != nil && specification["dy"] != nil)
    #expect(facts["session"]?.string?.hasPrefix("vla-eval-1-") == true)
  }

  @Test func `an episode begins with a reset, and a chunk is given out one action a step`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let client = try daemon.socket()
    _ = try hello(client)
    try begin(client, 1)
    let actions = try (2...5).map { try step(client, $0) }
    #expect(actions == [[0, 1], [1, 1], [2, 1], [0, 2]])
    #expect(daemon.policy.seen.map(\.actionsConsumed) == [0, 3])
    #expect(daemon.policy.seen.map(\.clock) == [.simulated, .simulated])
    // What is left of a chunk belongs to the episode before.
    try begin(client, 6)
    #expect(try step(client, 7) == [0, 3])
    #expect(
      daemon.asked(6) == ["hello", "reset", "observation 1", "observation 2", "reset", "observation 1"])
  }

  @Test func `a stop makes the actions that were kept worthless`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let client = try daemon.socket()
    guard case .map(let facts)? = try hello(client)["capabilities"] else { return }
    try begin(client, 1)
    #expect(try step(client, 2) == [0, 1])
    try daemon.stopRobot(try #require(facts["session"]?.string))
    try observe(client, 3)
    let (kind, echo, payload) = try receive(client)
    #expect(kind == "error" && echo == 3)
    #expect(payload["error"]?.string?.hasPrefix("stopped: ") == true)
    // A new episode does not lift it.
    try begin(client, 4)
    try observe(client, 5)
    #expect(try receive(client).kind == "error")
  }

  @Test func `what is kept is worthless for another sentence, and for a state that is none`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let client = try daemon.socket()
    _ = try hello(client)
    try begin(client, 1)
    #expect(try step(client, 2) == [0, 1])
    try observe(client, 3, "pull")
    _ = try receive(client)
    #expect(daemon.policy.seen.last?.instruction == "pull")
    try observe(client, 4, "pull", state: [.nan, 0])
    let (kind, echo, payload) = try receive(client)
    #expect(kind == "error" && echo == 4)
    #expect(payload["error"]?.string?.hasPrefix("invalid_proprioception: ") == true, "\(payload)")
  }

  @Test func `what is kept is worthless after the operator's reset, and after its release`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let client = try daemon.socket()
    guard case .map(let facts)? = try hello(client)["capabilities"] else { return }
    let person = try daemon.person(try #require(facts["session"]?.string))
    try begin(client, 1)
    #expect(try step(client, 2) == [0, 1])
    try person.reset()
    #expect(try step(client, 3) == [0, 2])
    try person.release()
    try observe(client, 4)
    let (kind, echo, payload) = try receive(client)
    #expect(kind == "error" && echo == 4)
    #expect(payload["error"]?.string?.hasPrefix("not_owner: ") == true)
  }

  @Test func `a harness that connects again is stopped still`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    var client = try daemon.socket()
    guard case .map(let facts)? = try hello(client)["capabilities"] else { return }
    let session = try #require(facts["session"]?.string)
    try begin(client, 1)
    #expect(try step(client, 2) == [0, 1])
    try daemon.stopRobot(session)
    // Nobody has heard the end of the first connection yet.
    client = try daemon.socket()
    _ = try hello(client)
    try begin(client, 1)
    try observe(client, 2)
    #expect(try receive(client).payload["error"]?.string?.hasPrefix("stopped: ") == true)
  }

  @Test func `actions that are too late for the harness's own time are not given out`() throws {
    // Valid for half a period: only the first may begin.
    let daemon = try daemon(CountingPolicy(validity: 50_000_000))
    defer { daemon.stop() }
    let client = try daemon.socket()
    _ = try hello(client)
    try begin(client, 1)
    #expect(try [step(client, 2), step(client, 3)] == [[0, 1], [0, 2]])
    #expect(daemon.policy.seen.map(\.actionsConsumed) == [0, 1])
  }

  @Test func `what cannot be read is refused with its sequence number`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let client = try daemon.socket()
    _ = try hello(client)
    try send(client, "observation", 9, MessagePackMap(["task_description": .text("push")]))
    let (kind, echo, payload) = try receive(client)
    #expect(kind == "error" && echo == 9)
    #expect(payload["error"]?.string?.contains("images") == true)
  }
}
