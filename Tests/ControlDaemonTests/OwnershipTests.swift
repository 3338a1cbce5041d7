import ControlDaemon
import Foundation
import ProtobufCodec
import RobotInterface
import RobotLink
import Synchronization
import Testing
import ZeroMQTransport

@Suite("A robot flies with the daemon and the policy that it agreed with, or not at all")
struct OwnershipTests {
  private func endpoint() -> String { "ipc:///tmp/uio2-own-\(UUID().uuidString.prefix(8))" }

  private func changed<Value>(_ body: () throws(ClientError) -> Value) -> String? {
    do throws(ClientError) {
      _ = try body()
      Issue.record("not refused")
    } catch {
      if case .policyChanged(let difference) = error { return difference }
      Issue.record(error)
    }
    return nil
  }

  @Test func `another policy behind the same address gets no observation of the episode, and moves nothing`() throws {
    let endpoint = endpoint()
    let first = try RunningDaemon(FakePolicy(digest: "aa"), endpoint: endpoint)
    let robot = try first.client()
    for sequence in UInt64(1)...3 { _ = try robot.act(on: .sample(sequence)) }
    first.stop()
    let policy = FakePolicy(digest: "bb")
    let second = try RunningDaemon(policy, endpoint: endpoint)
    defer { second.stop() }
    for sequence in UInt64(4)...8 {
      let difference = changed { () throws(ClientError) in try robot.act(on: .sample(sequence)) }
      #expect(difference?.contains("bb") == true && difference?.contains("aa") == true)
    }
    #expect(changed { () throws(ClientError) in try robot.reset() } != nil)
    #expect(changed { () throws(ClientError) in try robot.resume() } != nil)
    #expect(policy.seen.isEmpty)
    #expect(try robot.stop(reason: "a stop always goes through"))
    // On purpose, after a comparison.
    #expect(try robot.hello(clientName: "test", clientVersion: "1").policyDigest == "bb")
    #expect(refusal { () throws(ClientError) in try robot.act(on: .sample(9)) }?.code == .stopped)
    _ = try robot.resume()
    _ = try robot.act(on: .sample(10))
  }

  @Test func `other limits behind the same address are noticed too`() throws {
    let endpoint = endpoint()
    let first = try RunningDaemon(FakePolicy(maximumAge: 1_000), endpoint: endpoint)
    let robot = try first.client()
    _ = try robot.act(on: .sample(1))
    first.stop()
    let policy = FakePolicy(maximumAge: 2_000)
    let second = try RunningDaemon(policy, endpoint: endpoint)
    defer { second.stop() }
    #expect(changed { () throws(ClientError) in try robot.act(on: .sample(2)) } != nil)
    #expect(policy.seen.isEmpty)
  }

  @Test func `a daemon that was restarted with the same policy is greeted again, and the episode goes on`() throws {
    let endpoint = endpoint()
    let first = try RunningDaemon(FakePolicy(), endpoint: endpoint)
    let robot = try first.client()
    _ = try robot.act(on: .sample(1))
    first.stop()
    let second = try RunningDaemon(FakePolicy(), endpoint: endpoint)
    defer { second.stop() }
    #expect(try robot.act(on: .sample(2)).observationSequence == 2)
    #expect((2...3).contains(second.daemon.metrics.requests), "perhaps one refused, one greeting, one more")
  }

  @Test func `after each reconnection whoever is there is asked what it is, also when it refuses nothing`() throws {
    let endpoint = endpoint()
    let first = try Server(endpoint, digests: ["aa", "aa"])
    let robot = try RobotClient(endpoint: endpoint, sessionID: "arm", timeout: .seconds(2))
    first.start()
    _ = try robot.hello(clientName: "", clientVersion: "")
    _ = try robot.act(on: .sample(1))
    first.close()
    let second = try Server(endpoint, digests: ["bb", "bb", "bb"])
    second.start()
    defer { second.close() }
    // What was sent before this end saw that the other one has closed is lost.
    func reset() throws(ClientError) -> Bool {
      do throws(ClientError) { return try robot.reset() } catch {
        guard case .timedOut = error else { throw error }
        return try robot.reset()
      }
    }
    #expect(changed(reset)?.contains("bb") == true)
  }

  @Test func `commands of another policy are refused by their digest`() throws {
    // A proxy, say: the greeting went to one daemon and the observation goes to another.
    let server = try Server(digests: ["aa", "bb"])
    defer { server.close() }
    let robot = try RobotClient(endpoint: server.endpoint, sessionID: "arm", timeout: .seconds(20))
    server.start()
    _ = try robot.hello(clientName: "", clientVersion: "")
    #expect(changed { () throws(ClientError) in try robot.act(on: .sample(1)) }?.contains("bb") == true)
  }

  @Test func `commands that come after their deadline are not handed out`() throws {
    let policy = FakePolicy()
    policy.answer { observation in
      var chunk = FakePolicy.chunk(for: observation)
      chunk.validUntil = observation.capturedAt + (observation.sequence == 1 ? 60_000_000_000 : 1)
      return chunk
    }
    let daemon = try RunningDaemon(policy)
    defer { daemon.stop() }
    let robot = try daemon.client()
    _ = try robot.act(on: .now(1))
    do throws(ClientError) {
      _ = try robot.act(on: .now(2))
      Issue.record("handed out")
    } catch {
      guard case .late(let duration) = error else {
        Issue.record(error)
        return
      }
      #expect(duration > .zero && duration < .seconds(20))
    }
    // A simulated clock stands still.
    _ = try robot.act(on: .sample(1 << 40))
  }

  @Test func `the client says when a message leaves and what came last, so that the daemon knows its clock`() throws {
    let policy = FakePolicy(maximumAge: 20_000_000_000)
    let daemon = try RunningDaemon(policy)
    defer { daemon.stop() }
    // A robot whose clock is ahead by an hour and a half.
    let clock: @Sendable () -> UInt64 = { MonotonicClock.nanoseconds() + 5_400_000_000_000 }
    let robot = try RobotClient(endpoint: daemon.endpoint, sessionID: "far", timeout: .seconds(20), clock: clock)
    _ = try robot.hello(clientName: "", clientVersion: "")
    for sequence in UInt64(1)...5 {
      var observation = Observation.sample(sequence, capturedAt: clock(), clock: .monotonic)
      observation.sentAt = 0
      let begin = MonotonicClock.nanoseconds()
      let chunk = try robot.act(on: observation)
      let whole = MonotonicClock.nanoseconds() - begin
      #expect(chunk.observationAge > 0 && chunk.observationAge < 20_000_000_000, "\(chunk.observationAge) of \(whole)")
    }
    let seen = policy.seen
    #expect(seen.allSatisfy { $0.sentAt >= $0.capturedAt && $0.echo != nil })
    for (earlier, later) in zip(seen, seen.dropFirst()) {
      #expect((earlier.echo?.replySentAt ?? 0) < (later.echo?.replySentAt ?? 0))
      #expect((later.echo?.replyReceivedAt ?? .max) <= later.sentAt)
    }
  }

  @Test func `a stranger learns the capabilities and is refused, and takes nothing from the owner`() throws {
    let daemon = try RunningDaemon(FakePolicy())
    defer { daemon.stop() }
    let robot = try daemon.client()
    _ = try robot.act(on: .sample(1))
    let stranger = try daemon.stranger()
    #expect(try stranger.hello(clientName: "", clientVersion: "").policyName == "fake")
    #expect(robot.isOwner && !stranger.isOwner)
    #expect(stranger.sessionToken != robot.sessionToken)
    #expect(refusal { () throws(ClientError) in try stranger.act(on: .sample(1 << 50)) }?.code == .notOwner)
    #expect(refusal { () throws(ClientError) in try stranger.reset() }?.code == .notOwner)
    #expect(try stranger.stop(reason: "that is allowed"))
    #expect(refusal { () throws(ClientError) in try stranger.resume() }?.code == .notOwner)
    #expect(refusal { () throws(ClientError) in try robot.act(on: .sample(2)) }?.code == .stopped)
    _ = try robot.resume()
    _ = try robot.act(on: .sample(2))
  }

  @Test func `without a greeting the daemon says what is missing`() throws {
    let daemon = try RunningDaemon(FakePolicy())
    defer { daemon.stop() }
    let stranger = try daemon.stranger()
    let error = refusal { () throws(ClientError) in try stranger.act(on: .sample(1)) }
    #expect(error?.code == .notOwner)
    #expect(error?.message.contains("say hello first") == true)
  }

  @Test func `a token that was kept goes on with the session, in another client`() throws {
    let daemon = try RunningDaemon(FakePolicy())
    defer { daemon.stop() }
    let token = try daemon.client().sessionToken
    let heir = try RobotClient(endpoint: daemon.endpoint, sessionID: "arm", sessionToken: token)
    #expect(try heir.act(on: .sample(1)).observationSequence == 1)
    _ = try heir.hello(clientName: "", clientVersion: "")
    #expect(heir.sessionToken == token)
  }

  @Test func `a client whose greetings found no answer while the policy warmed up owns its session`() throws {
    let isWarm = DispatchSemaphore(value: 0)
    let daemon = try RunningDaemon(FakePolicy(warmUp: { isWarm.wait() }))
    defer { daemon.stop() }
    let robot = try daemon.stranger(timeout: .milliseconds(10))
    for _ in 0..<70 {
      do throws(ClientError) {
        _ = try robot.hello(clientName: "", clientVersion: "")
        Issue.record("answered")
      } catch {
        guard case .timedOut = error else {
          Issue.record(error)
          return
        }
      }
    }
    isWarm.signal()
    robot.timeout = .seconds(20)
    _ = try robot.hello(clientName: "", clientVersion: "")
    #expect(robot.isOwner)
    #expect(try robot.act(on: .sample(1)).observationSequence == 1)
  }

  @Test func `after a long pause the client asks once more when its observation is refused as too old`() throws {
    let policy = FakePolicy(maximumAge: 20_000_000_000)
    let daemon = try RunningDaemon(policy)
    defer { daemon.stop() }
    let ahead = Mutex<UInt64>(0)
    let robot = try RobotClient(endpoint: daemon.endpoint, sessionID: "rare", timeout: .seconds(20)) {
      MonotonicClock.nanoseconds() + ahead.withLock { $0 }
    }
    _ = try robot.hello(clientName: "", clientVersion: "")
    func act(_ sequence: UInt64) throws {
      var observation = Observation.sample(
        sequence, capturedAt: MonotonicClock.nanoseconds() + ahead.withLock { $0 }, clock: .monotonic)
      observation.sentAt = 0
      _ = try robot.act(on: observation)
    }
    try act(1)
    try act(2)
    #expect(daemon.daemon.metrics.requests == 3)
    // To the daemon, that sees no time pass, it is a clock that has jumped; asking again is what helps against both.
    ahead.withLock { $0 = 61_000_000_000 }
    try act(3)
    #expect(daemon.daemon.metrics.requests == 5, "an observation, twice")
    try act(4)
    #expect(daemon.daemon.metrics.requests == 6)
  }

  @Test func `a name is free again when its owner gives it up`() throws {
    let daemon = try RunningDaemon(FakePolicy())
    defer { daemon.stop() }
    let first = try daemon.client()
    #expect(try first.release() == false)
    #expect(!first.isOwner)
    let second = try daemon.stranger()
    _ = try second.hello(clientName: "", clientVersion: "")
    #expect(second.isOwner)
    _ = try second.act(on: .sample(1))
    #expect(refusal { () throws(ClientError) in try first.act(on: .sample(2)) }?.code == .notOwner)
  }

  @Test func `who has given its session up owns it again only by its own greeting`() throws {
    let daemon = try RunningDaemon(FakePolicy())
    defer { daemon.stop() }
    let robot = try daemon.client()
    _ = try robot.act(on: .sample(1))
    try robot.release()
    #expect(refusal { () throws(ClientError) in try robot.act(on: .sample(2)) }?.code == .notOwner)
    #expect(refusal { () throws(ClientError) in try robot.reset() }?.code == .notOwner)
    #expect(!robot.isOwner)
    _ = try robot.hello(clientName: "", clientVersion: "")
    _ = try robot.act(on: .sample(3))
  }

  @Test func `a session that the operator frees is not owned again silently`() throws {
    let token = SessionToken()
    var options = DaemonOptions()
    options.operatorToken = token
    let daemon = try RunningDaemon(FakePolicy(), options: options)
    defer { daemon.stop() }
    let robot = try daemon.client()
    _ = try robot.act(on: .sample(1))
    let console = try RobotClient(
      endpoint: daemon.endpoint, sessionID: "arm", sessionToken: token.bytes, timeout: .seconds(20))
    try console.release()
    for sequence: UInt64 in 2...3 {
      #expect(refusal { () throws(ClientError) in try robot.act(on: .sample(sequence)) }?.code == .notOwner)
      #expect(!robot.isOwner)
    }
    _ = try robot.hello(clientName: "", clientVersion: "")
    _ = try robot.act(on: .sample(4))
  }

  @Test func `short-lived clients follow each other without end`() throws {
    var options = DaemonOptions()
    options.maximumSessions = 4
    options.sessionIdleTime = .zero
    options.simulatedStandstill = .zero
    let policy = FakePolicy()
    policy.answer { FakePolicy.chunk(for: $0, validFor: 200_000_000) }
    let daemon = try RunningDaemon(policy, options: options)
    defer { daemon.stop() }
    // A place is kept while its robot may execute commands, so a newcomer waits for that long at most.
    for index in 0..<14 {
      let client = try daemon.client("episode \(index)"), end = ContinuousClock.now + .seconds(20)
      var sequence: UInt64 = 1
      while refusal({ () throws(ClientError) in try client.act(on: .sample(sequence)) }) != nil {
        try #require(ContinuousClock.now < end, "episode \(index) found no place")
        sequence += 1
      }
    }
    #expect(daemon.daemon.metrics.sessions == 4)
    #expect(Set(daemon.daemon.metrics.errors.keys).isSubset(of: [.overloaded]))
  }

  @Test func `sixty-four stops lock nobody out`() throws {
    let daemon = try RunningDaemon(FakePolicy())
    defer { daemon.stop() }
    for index in 0..<70 { #expect(try daemon.stranger("stopped \(index)").stop(reason: "end of the day")) }
    _ = try daemon.client("arm").act(on: .sample(1))
    let back = try daemon.client("stopped 0")
    #expect(refusal { () throws(ClientError) in try back.act(on: .sample(1)) }?.code == .stopped)
  }
}

/// Answers greetings and observations, each in the name of another policy.
private final class Server: Sendable {
  let endpoint: String
  private let router: Mutex<RouterSocket?>
  private let digests: [String]
  private let ended = DispatchSemaphore(value: 0)
  private let isReleased = Mutex(false)

  init(_ endpoint: String = "tcp://127.0.0.1:*", digests: [String]) throws {
    let router = try RouterSocket(endpoint: endpoint)
    self.endpoint = router.endpoint.description
    self.router = Mutex(router)
    self.digests = digests
  }

  /// Answers as many as there are digests, and nobody after that; ``close()`` ends it.
  func start() {
    Thread.detachNewThread { [self] in
      if let router = router.withLock({ $0.take() }) { serve(router) }
      ended.signal()
    }
  }

  /// Returns when the address is free.
  func close() {
    isReleased.withLock { $0 = true }
    #expect(ended.wait(timeout: .now() + 20) == .success)
  }

  private func serve(_ router: consuming RouterSocket) {
    var router = router
    for digest in digests {
      guard let (route, bytes) = next(&router), let request = try? RequestMessage(decoding: bytes) else { return }
      var body = ReplyMessage.Body.acknowledgement(stopped: false)
      switch request.body {
      case .hello: body = .capabilities(FakePolicy(digest: digest).capabilities)
      case .observation(let observation):
        var chunk = FakePolicy.chunk(for: observation)
        chunk.policyDigest = digest
        body = .actionChunk(chunk)
      default: break
      }
      let reply = ReplyMessage(requestID: request.requestID, sessionID: request.sessionID, body: body)
      _ = try? router.deliver(reply.encoded(), to: route)
    }
    // A client whose connection breaks right behind an answer asks who is there before it takes that.
    while next(&router) != nil {}
  }

  /// The next message; `nil` when this is to end.
  private func next(_ router: inout RouterSocket) -> (RouterSocket.Peer, [UInt8])? {
    let limit = ContinuousClock.now + .seconds(60)
    while !isReleased.withLock({ $0 }), ContinuousClock.now < limit {
      if case .message(let route, let bytes)? = try? router.receive(timeout: .milliseconds(10)) {
        return (route, bytes)
      }
    }
    return nil
  }
}
