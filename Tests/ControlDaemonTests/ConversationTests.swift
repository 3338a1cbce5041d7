import ControlDaemon
import Dispatch
import Foundation
import RobotInterface
import RobotLink
import Testing

@Suite("A robot talks with the daemon")
struct ConversationTests {
  static let endpoints = ["tcp://127.0.0.1:*", "ipc:///tmp/uio2-test-\(ProcessInfo.processInfo.processIdentifier)"]

  @Test(arguments: endpoints) func `hello, observation, chunk`(endpoint: String) throws {
    let daemon = try RunningDaemon(FakePolicy(), endpoint: endpoint)
    defer { daemon.stop() }
    let robot = try daemon.client()
    let capabilities = try robot.hello(clientName: "test", clientVersion: "1")
    #expect(capabilities.policyName == "fake")
    #expect(capabilities.limits.maximumMessageBytes == 512 << 10)

    let chunk = try robot.act(on: .sample(1))
    #expect(chunk.actions == [Action(values: [0.5], limited: .range)])
    #expect(chunk.tokens == [4, 1])
    #expect(chunk.timings[.queue] > 0)
    #expect(chunk.timings[.encode] == 1_000_000)
    #expect(try robot.reset() == false)
    #expect(try robot.act(on: .sample(1)).observationSequence == 1)

    let metrics = daemon.daemon.metrics
    #expect(metrics.requests == 5)
    #expect(metrics.chunks == 2)
    #expect(metrics.limitedActions == 2)
    #expect(metrics.errors.isEmpty)
    #expect(metrics.stages[.encode]?.count == 2)
    #expect(metrics.sessions == 1)
  }

  @Test func `a newer observation displaces the one that waits, which is told at once`() throws {
    let policy = FakePolicy()
    let daemon = try RunningDaemon(policy)
    defer { daemon.stop() }
    let robot = try daemon.client()
    policy.hold(true)
    let first = try robot.send(.observation(.sample(1)))
    #expect(policy.isInStep())
    let second = try robot.send(.observation(.sample(2)))
    let third = try robot.send(.observation(.sample(3)))
    let reply = try robot.receive()
    #expect(reply.requestID == second)
    guard case .error(let error) = reply.body else {
      Issue.record("\(reply)")
      return
    }
    #expect(error.code == .superseded)
    policy.hold(false)
    policy.release.signal()
    #expect(try [robot.receive().requestID, robot.receive().requestID] == [first, third])
    #expect(policy.seen.map(\.sequence) == [1, 3])
    #expect(daemon.daemon.metrics.superseded == 1)
  }

  @Test func `an observation out of order is refused`() throws {
    let daemon = try RunningDaemon(FakePolicy())
    defer { daemon.stop() }
    let robot = try daemon.client()
    _ = try robot.act(on: .sample(5))
    #expect(refusal { () throws(ClientError) in try robot.act(on: .sample(5)) }?.code == .outOfOrder)
    #expect(
      refusal { () throws(ClientError) in try robot.act(on: .sample(6, capturedAt: 1)) }?.subject
        == "observation.captured_at")
    _ = try robot.act(on: .sample(6))
  }

  @Test func `an observation that is old, or grew old in the queue, is refused`() throws {
    let policy = FakePolicy(maximumAge: 300_000_000)
    let daemon = try RunningDaemon(policy)
    defer { daemon.stop() }
    let robot = try daemon.client("a")
    #expect(
      refusal { () throws(ClientError) in try robot.act(on: .sample(1, age: 300_000_001)) }?.code == .staleObservation)

    policy.hold(true)
    _ = try robot.send(.observation(.sample(2)))
    #expect(policy.isInStep())
    let other = try daemon.client("b")
    _ = try other.send(.observation(.now(1)))
    #expect(daemon.wait { $0.requests == 5 })
    Thread.sleep(forTimeInterval: 0.35)
    policy.hold(false)
    policy.release.signal()
    guard case .error(let error) = try other.receive().body else {
      Issue.record("an old observation was acted on")
      return
    }
    #expect(error.code == .staleObservation)
    #expect(policy.seen.map(\.sequence) == [2])
  }

  @Test func `the policy's own refusal reaches the robot, and the next observation is served`() throws {
    let daemon = try RunningDaemon(FakePolicy())
    defer { daemon.stop() }
    let robot = try daemon.client()
    let error = refusal { () throws(ClientError) in try robot.act(on: .sample(1, proprioception: [1, 2, 3])) }
    #expect(error == RobotError(.invalidProprioception, "observation.proprioception", "expected 2 numbers"))
    _ = try robot.act(on: .sample(2))
  }

  @Test func `sessions do not share their counting`() throws {
    let daemon = try RunningDaemon(FakePolicy())
    defer { daemon.stop() }
    let (one, other) = (try daemon.client("one"), try daemon.client("other"))
    _ = try one.act(on: .sample(100))
    _ = try other.act(on: .sample(1))
    #expect(refusal { () throws(ClientError) in try one.act(on: .sample(2)) }?.code == .outOfOrder)
    _ = try other.act(on: .sample(2))
  }

  @Test func `a session without room is refused`() throws {
    var options = DaemonOptions()
    options.maximumSessions = 1
    options.sessionIdleTime = .seconds(600)
    let daemon = try RunningDaemon(FakePolicy(), options: options)
    defer { daemon.stop() }
    _ = try daemon.client("one").act(on: .sample(1))
    let other = try daemon.client("other")
    #expect(refusal { () throws(ClientError) in try other.act(on: .sample(1)) }?.code == .overloaded)
  }

  @Test func `what happens is told to whoever listens`() async throws {
    let daemon = try RunningDaemon(FakePolicy())
    let events = daemon.daemon.events()
    let robot = try daemon.client()
    _ = try robot.act(on: .sample(1))
    try robot.stop(reason: "hand in the way")
    try robot.resume()
    try robot.reset()
    daemon.stop()
    var kinds: [DaemonEvent.Kind] = []
    for await event in events where event.kind != .ready { kinds.append(event.kind) }
    guard case .acted(let observation, let chunk) = kinds.remove(at: 1) else {
      Issue.record("\(kinds)")
      return
    }
    #expect(observation == .sample(1))
    #expect(chunk.observationSequence == 1)
    #expect(
      kinds == [.sessionOpened, .stopLatched(reason: "hand in the way"), .stopCleared, .episodeBegan, .stopped])
    for await event in daemon.daemon.events() { Issue.record("\(event) after the end") }
  }

  @Test(.timeLimit(.minutes(1))) func `that it is ready is told although nobody has asked for anything`() async throws {
    let isHeld = DispatchSemaphore(value: 0)
    let daemon = try RunningDaemon(FakePolicy(warmUp: { isHeld.wait() }))
    defer { daemon.stop() }
    let events = daemon.daemon.events()
    isHeld.signal()
    for await event in events {
      #expect(event.kind == .ready)
      break
    }
  }

  @Test func `with a simulated clock an observation is not too old, however long the daemon is busy`() throws {
    let policy = FakePolicy(maximumAge: 50_000_000)
    let daemon = try RunningDaemon(policy)
    defer { daemon.stop() }
    let (busy, robot) = (try daemon.client("busy"), try daemon.client("robot"))
    policy.hold(true)
    _ = try busy.send(.observation(.sample(1)))
    #expect(policy.isInStep())
    let begin = ContinuousClock.now
    _ = try robot.send(.observation(.sample(1, age: 7)))
    #expect(daemon.wait { $0.requests == 4 })
    while ContinuousClock.now - begin < .milliseconds(100) { Thread.sleep(forTimeInterval: 0.01) }
    policy.hold(false)
    policy.release.signal()
    guard case .actionChunk(let chunk) = try robot.receive().body else {
      Issue.record("load has changed what a simulated robot does")
      return
    }
    #expect(chunk.observationAge == 7)
    #expect(chunk.timings[.queue] >= 50_000_000, "the time on the wall is told all the same")
  }

  @Test func `an address in use is refused when the daemon is made`() throws {
    let daemon = try RunningDaemon(FakePolicy())
    defer { daemon.stop() }
    #expect(throws: RobotError.self) { try RunningDaemon(FakePolicy(), endpoint: daemon.endpoint.description) }
  }
}
