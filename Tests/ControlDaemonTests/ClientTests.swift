import CZeroMQ
import ControlDaemon
import Dispatch
import Foundation
import ProtobufCodec
import RobotInterface
import RobotLink
import Synchronization
import Testing
import ZeroMQTransport

@Suite("Clients of every kind, many at once")
struct ClientTests {
  @Test func `a REQ client with its empty delimiter`() throws {
    let daemon = try RunningDaemon(FakePolicy())
    defer { daemon.stop() }
    var socket = try ZeroMQSocket(.request, options: [(ZMQ_LINGER, 0)], maximumFrameBytes: -1)
    try socket.connect(daemon.endpoint)
    func ask(_ request: RequestMessage) throws -> ReplyMessage {
      #expect(try socket.send([request.encoded()]))
      #expect(try socket.waitToReceive(timeout: .seconds(20), wakeUp: nil))
      let frames = try #require(try socket.receive(maximumBytes: 1 << 20))
      #expect(frames.count == 1)
      return try ReplyMessage(decoding: frames[0].bytes)
    }
    let greeting = RequestMessage(
      requestID: 9, sessionID: "req", body: .hello(clientName: "", clientVersion: ""))
    guard case .capabilities(let capabilities) = try ask(greeting).body else {
      Issue.record("no capabilities")
      return
    }
    for sequence in UInt64(1)...3 {
      let reply = try ask(
        RequestMessage(
          requestID: sequence, sessionID: "req", sessionToken: capabilities.sessionToken,
          body: .observation(.sample(sequence))))
      #expect(reply.requestID == sequence)
      guard case .actionChunk = reply.body else {
        Issue.record("\(reply)")
        return
      }
    }
  }

  @Test func `a robot that reconnects goes on where it was`() throws {
    let daemon = try RunningDaemon(FakePolicy())
    defer { daemon.stop() }
    for sequence in UInt64(1)...5 { _ = try daemon.client("arm").act(on: .sample(sequence)) }
    let again = try daemon.client("arm")
    #expect(refusal { () throws(ClientError) in try again.act(on: .sample(5)) }?.code == .outOfOrder)
    #expect(daemon.daemon.metrics.sessions == 1)
  }

  @Test func `a robot that left before its answer harms nobody`() throws {
    let policy = FakePolicy()
    let daemon = try RunningDaemon(policy)
    defer { daemon.stop() }
    // A closed connection is noticed soon, but not at once, and nobody is told when: one robot after the other leaves, each with more time.
    var round = 0
    while daemon.daemon.metrics.lostReplies == 0, round < 20 {
      round += 1
      policy.hold(true)
      do {
        let gone = try daemon.client("gone \(round)")
        _ = try gone.send(.observation(.sample(1)))
        #expect(policy.isInStep())
      }
      Thread.sleep(forTimeInterval: 0.05 * Double(round))
      policy.hold(false)
      policy.release.signal()
      _ = try daemon.client("arm").act(on: .sample(UInt64(round)))
    }
    #expect(daemon.daemon.metrics.lostReplies == 1)
  }

  @Test func `many robots at once, each served in turn`() throws {
    let policy = FakePolicy()
    let daemon = try RunningDaemon(policy)
    defer { daemon.stop() }
    let (robots, steps) = (24, UInt64(40))
    let failures = Mutex<[String]>([])
    DispatchQueue.concurrentPerform(iterations: robots) { robot in
      do {
        let client = try daemon.client("robot \(robot)")
        for sequence in 1...steps { _ = try client.act(on: .sample(sequence)) }
      } catch {
        failures.withLock { $0.append("\(error)") }
      }
    }
    #expect(failures.withLock { $0 } == [])
    #expect(policy.seen.count == robots * Int(steps))
    let metrics = daemon.daemon.metrics
    #expect(metrics.chunks == UInt64(robots) * steps)
    #expect(metrics.sessions == robots)
    #expect(metrics.errors.isEmpty)
  }

  @Test func `a robot that floods the daemon does not starve another`() throws {
    let policy = FakePolicy()
    policy.answer { observation in
      Thread.sleep(forTimeInterval: 0.002)
      return FakePolicy.chunk(for: observation)
    }
    let daemon = try RunningDaemon(policy)
    defer { daemon.stop() }
    let isFlooding = Mutex(true)
    let flooded = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      defer { flooded.signal() }
      guard let flood = try? daemon.client("flood") else { return }
      var sequence = UInt64(0)
      while isFlooding.withLock({ $0 }) {
        sequence += 1
        _ = try? flood.send(.observation(.sample(sequence)))
        while sequence % 8 == 0, (try? flood.receive()) == nil {}
      }
    }
    let robot = try daemon.client("calm")
    var slowest = Duration.zero
    for sequence in UInt64(1)...20 {
      let begin = ContinuousClock.now
      _ = try robot.act(on: .sample(sequence))
      slowest = max(slowest, ContinuousClock.now - begin)
    }
    isFlooding.withLock { $0 = false }
    flooded.wait()
    #expect(slowest < .seconds(5), "\(slowest)")
  }
}
