import AccessKeys
import ControlDaemon
import Foundation
import RobotInterface
import RobotLink
import TestSupport
import Testing
import ZeroMQTransport

@Suite("A daemon with keys answers who holds one, and each as far as the key permits")
struct KeyTests {
  /// A daemon with a folder of keys: two robots and an operator.
  final class KeyedDaemon {
    let folder: KeyFolder
    let ring: KeyRing
    let running: RunningDaemon
    let policy = FakePolicy()

    init(in place: URL, endpoint: String = "tcp://127.0.0.1:*", others: [ListenerMaker] = []) throws {
      folder = KeyFolder(path: place.appending(path: "keys").path)
      for name in ["arm", "other"] { try folder.make(name, .robot) }
      try folder.make("ann", .operator)
      ring = try KeyRing(folder)
      var options = DaemonOptions(), socket = RouterSocket.Options()
      options.requiresKeys = true
      socket.keys = ring
      running = try RunningDaemon(policy, endpoint: endpoint, others: others, options: options, socket: socket)
    }

    func key(_ name: String) throws -> ClientKey { try ClientKey(path: folder.privateFile(name)) }

    func client(_ name: String, session: String, token: [UInt8] = []) throws -> RobotClient {
      try RobotClient(
        endpoint: running.endpoint, sessionID: session, sessionToken: token, key: try key(name), timeout: .seconds(20))
    }

    /// A client that has said hello.
    func robot(_ name: String, session: String) throws -> RobotClient {
      let client = try client(name, session: session)
      _ = try client.hello(clientName: "test", clientVersion: "1")
      return client
    }

    /// Takes a key away, as a person and SIGHUP do.
    func remove(_ name: String) throws {
      try FileManager.default.removeItem(atPath: folder.publicFile(name))
      let change = ring.reload()
      #expect(change.removed == [name])
      running.daemon.endKeys(change.removed)
    }

    /// Whether refusals of these kinds come to be counted so often.
    func count(_ refusals: KeyRing.Refusal..., expected: UInt64 = 1) -> Bool {
      let limit = ContinuousClock.now + .seconds(20)
      while refusals.reduce(0, { $0 + ring.refusals[$1, default: 0] }) < expected {
        guard ContinuousClock.now < limit else { return false }
        Thread.sleep(forTimeInterval: 0.001)
      }
      return true
    }
  }

  private func with(
    endpoint: String = "tcp://127.0.0.1:*", _ body: (KeyedDaemon) throws -> Void
  ) throws {
    try withTemporaryFolder { place in
      let daemon = try KeyedDaemon(in: place, endpoint: endpoint)
      defer { daemon.running.stop() }
      try body(daemon)
    }
  }

  private func rejection(_ client: RobotClient) -> String? {
    do throws(ClientError) {
      _ = try client.hello(clientName: "", clientVersion: "")
      Issue.record("let in")
    } catch {
      if case .notAdmitted(let reason) = error { return reason }
      Issue.record(error)
    }
    return nil
  }

  @Test(arguments: ["tcp://127.0.0.1:*", "ipc:///tmp/uio2-keys-\(UUID().uuidString.prefix(8))"])
  func `a robot with a key flies; without one, with a strange one or for another daemon it is not let in`(
    endpoint: String
  ) throws {
    try with(endpoint: endpoint) { daemon in
      let robot = try daemon.robot("arm", session: "arm")
      #expect(robot.isOwner)
      #expect(try robot.act(on: .sample(1)).observationSequence == 1)
      #expect(try robot.stop(reason: "anybody's"))

      let bare = try RobotClient(endpoint: daemon.running.endpoint, sessionID: "arm", timeout: .seconds(20))
      #expect(rejection(bare)?.contains("asks for a key") == true)
      // Both ends see it; where the client leaves first, the daemon cannot know why.
      #expect(daemon.count(.noKey, .brokenHandshake))

      let mine = try daemon.key("arm")
      let strange = try RobotClient(
        endpoint: daemon.running.endpoint, sessionID: "arm", key: ClientKey(pair: CurveKeyPair(), daemon: mine.daemon),
        timeout: .seconds(20))
      #expect(rejection(strange)?.contains("does not know this key") == true)
      #expect(daemon.count(.unknownKey))

      let misled = try RobotClient(
        endpoint: daemon.running.endpoint, sessionID: "arm",
        key: ClientKey(pair: mine.pair, daemon: try CurveKeyPair().publicKey), timeout: .seconds(2))
      #expect(rejection(misled)?.contains("handshake") == true)
      #expect(daemon.count(.brokenHandshake))
      #expect(daemon.policy.seen.count == 1)
    }
  }

  @Test func `a client with a key says nothing to a daemon without`() throws {
    try withTemporaryFolder { place in
      let folder = KeyFolder(path: place.appending(path: "keys").path)
      try folder.make("arm", .robot)
      let daemon = try RunningDaemon(FakePolicy())
      defer { daemon.stop() }
      let client = try RobotClient(
        endpoint: daemon.endpoint, sessionID: "arm", key: ClientKey(path: folder.privateFile("arm")),
        timeout: .seconds(20))
      #expect(rejection(client)?.contains("has no keys") == true)
      #expect(daemon.daemon.metrics.requests == 0)
    }
  }

  @Test func `bytes that claim to need no encryption are heard by nobody`() throws {
    try with { daemon in
      guard case .tcp(_, let port?) = daemon.running.endpoint.place else { return }
      let peer = try RawPeer(port: port)
      #expect(throws: (any Error).self) { try peer.shakeHands() }
      #expect(daemon.count(.noKey))
      // Versions of before there were mechanisms: 1.0 has no greeting, 2.0 a short one.
      for greeting: [UInt8] in [[1, 0], [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 1, 5, 0, 0]] {
        let old = try RawPeer(port: port)
        try old.send(greeting + RawPeer.frame([1, 2, 3]))
        #expect(throws: (any Error).self) { while true { _ = try old.receive(1) } }
      }
      #expect(daemon.running.daemon.metrics.requests == 0)
      _ = try daemon.robot("arm", session: "arm")
    }
  }

  @Test func `a proxy reads nothing of an encrypted conversation, and everything of another`() throws {
    let instruction = "push the button", session = "a-session-to-be-found"
    func fly(_ endpoint: Endpoint, key: ClientKey?) throws -> ListeningProxy {
      guard case .tcp(_, let port?) = endpoint.place else {
        throw RobotError(.internal, "\(endpoint)", "has no port")
      }
      let proxy = try ListeningProxy(to: port)
      defer { proxy.stop() }
      let robot = try RobotClient(
        endpoint: "tcp://127.0.0.1:\(proxy.port)", sessionID: session, key: key, timeout: .seconds(20))
      let capabilities = try robot.hello(clientName: "test", clientVersion: "1")
      _ = try robot.act(on: .sample(1))
      #expect(!capabilities.policyName.isEmpty)
      #expect(proxy.bytes.count > 500)
      return proxy
    }
    try with { daemon in
      let proxy = try fly(daemon.running.endpoint, key: try daemon.key("arm"))
      for text in [instruction, session, FakePolicy().capabilities.policyName, "front"] {
        #expect(!proxy.heard(text), "\(text)")
      }
      #expect(daemon.policy.seen.first?.instruction == instruction)
    }
    let open = try RunningDaemon(FakePolicy())
    defer { open.stop() }
    let proxy = try fly(open.endpoint, key: nil)
    for text in [instruction, session, "front"] { #expect(proxy.heard(text), "\(text)") }
  }

  @Test func `a robot's key is good for its own sessions, whatever tokens it has, and for every stop`() throws {
    try with { daemon in
      let arm = try daemon.robot("arm", session: "arm")
      _ = try arm.act(on: .sample(1))
      // With the owner's token, as if it had been read somewhere.
      let thief = try daemon.client("other", session: "arm", token: arm.sessionToken)
      #expect(try thief.hello(clientName: "", clientVersion: "").sessionToken.isEmpty)
      #expect(refusal { () throws(ClientError) in try thief.act(on: .sample(2)) }?.code == .notOwner)
      #expect(refusal { () throws(ClientError) in try thief.reset() }?.code == .notOwner)
      #expect(refusal { () throws(ClientError) in try thief.release() }?.code == .notOwner)
      #expect(try thief.stop(reason: "everybody's"))
      let resumed = refusal { () throws(ClientError) in try thief.resume() }
      #expect(resumed?.code == .notOwner && resumed?.subject == "key")
      #expect(resumed?.message.contains("“other” is a robot's") == true)
      #expect(refusal { () throws(ClientError) in try arm.act(on: .sample(2)) }?.code == .stopped)
      #expect(refusal { () throws(ClientError) in try arm.resume() }?.subject == "key", "its own neither")

      let ann = try daemon.client("ann", session: "arm")
      #expect(try !ann.resume())
      #expect(try arm.act(on: .sample(2)).observationSequence == 2)
      #expect(daemon.policy.seen.map(\.sequence) == [1, 2])
      #expect(daemon.running.daemon.metrics.errors[.notOwner] == 5)
    }
  }

  @Test func `a key that is taken away stops its sessions, and is heard no more`() throws {
    try with { daemon in
      let arm = try daemon.robot("arm", session: "arm"), other = try daemon.robot("other", session: "other")
      for robot in [arm, other] { _ = try robot.act(on: .sample(1)) }
      let ann = try daemon.client("ann", session: "arm")
      try daemon.remove("arm")
      // The answer tells whether the stop is latched.
      let limit = ContinuousClock.now + .seconds(20)
      while try !ann.reset(), ContinuousClock.now < limit {}
      #expect(try ann.reset())
      // On the connection of before.
      let refused = refusal { () throws(ClientError) in try arm.act(on: .sample(2)) }
      #expect(refused?.code == .notOwner && refused?.subject == "key")
      #expect(refusal { () throws(ClientError) in try arm.stop(reason: "") }?.subject == "key")
      #expect(daemon.ring.refusals[.removedKey] == 2)
      #expect(rejection(try daemon.client("arm", session: "arm"))?.contains("does not know") == true)
      #expect(try other.act(on: .sample(2)).observationSequence == 2)
      // Back again: the stop stays until an operator clears it.
      try daemon.folder.makePublicAgain("arm", from: daemon.key("arm"))
      #expect(daemon.ring.reload().removed.isEmpty)
      let again = try daemon.client("arm", session: "arm", token: arm.sessionToken)
      _ = try again.hello(clientName: "", clientVersion: "")
      #expect(again.isOwner)
      #expect(refusal { () throws(ClientError) in try again.act(on: .sample(2)) }?.code == .stopped)
      #expect(try !ann.resume())
      #expect(try again.act(on: .sample(2)).observationSequence == 2)
    }
  }

  @Test func `whom a wire has not identified is refused whatever it asks, stops too`() throws {
    try withTemporaryFolder { place in
      let box = FakeWire.Box()
      let daemon = try KeyedDaemon(in: place, others: [box.maker()])
      defer { daemon.running.stop() }
      let robot = try daemon.robot("arm", session: "arm"), wire = try #require(box.wires.first)
      for body: RequestMessage.Body in [.stop(reason: "x"), .hello(clientName: "", clientVersion: ""), .reset] {
        wire.ask(body, session: "arm")
        guard case .error(let error) = try wire.reply().reply.body else {
          Issue.record("answered")
          continue
        }
        #expect(error.code == .notOwner && error.subject == "key")
      }
      #expect(try robot.act(on: .sample(1)).observationSequence == 1)
    }
  }
}

extension KeyFolder {
  /// Writes the public file that a person has removed, from what the client has.
  fileprivate func makePublicAgain(_ name: String, from key: ClientKey) throws {
    let text = "metadata\n    role = \"robot\"\ncurve\n    public-key = \"\(key.pair.publicKey)\"\n"
    try text.write(toFile: publicFile(name), atomically: false, encoding: .utf8)
    guard chmod(publicFile(name), 0o644) == 0 else { throw RobotError(.internal, name, "chmod") }
  }
}
