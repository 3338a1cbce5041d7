import ControlDaemon
import Dispatch
import Foundation
import RobotInterface
import RobotLink
import Synchronization
import Testing

@Suite("The daemon begins and ends in order")
struct ShutdownTests {
  @Test func `what is pending is answered, then run returns`() throws {
    let policy = FakePolicy()
    let daemon = try RunningDaemon(policy)
    let robot = try daemon.client()
    policy.hold(true)
    let running = try robot.send(.observation(.sample(1)))
    #expect(policy.isInStep())
    let waiting = try robot.send(.observation(.sample(2)))
    #expect(daemon.wait { $0.requests == 3 })
    daemon.daemon.stop()
    for expected in [waiting, running] {
      let reply = try robot.receive()
      #expect(reply.requestID == expected)
      guard case .error(let error) = reply.body else {
        Issue.record("\(reply)")
        return
      }
      #expect(error.code == .shuttingDown)
    }
    policy.release.signal()
    #expect(daemon.stop() == nil)
  }

  @Test func `the address is free afterwards`() throws {
    let first = try RunningDaemon(FakePolicy())
    let endpoint = first.endpoint.description
    _ = try first.client().act(on: .sample(1))
    first.stop()
    let second = try RunningDaemon(FakePolicy(), endpoint: endpoint)
    _ = try second.client().act(on: .sample(1))
    second.stop()
  }

  @Test func `a stop before the start ends the run at once`() throws {
    let daemon = try RunningDaemon(FakePolicy())
    #expect(daemon.stop() == nil)
  }

  @Test func `a daemon runs once`() throws {
    let daemon = try RunningDaemon(FakePolicy())
    daemon.stop()
    #expect(throws: RobotError.self) { try daemon.daemon.run() }
  }

  @Test func `hello waits for the warm-up`() throws {
    let isWarm = Mutex(false)
    let policy = FakePolicy(warmUp: {
      Thread.sleep(forTimeInterval: 0.1)
      isWarm.withLock { $0 = true }
    })
    let daemon = try RunningDaemon(policy)
    defer { daemon.stop() }
    _ = try daemon.client().hello(clientName: "", clientVersion: "")
    #expect(isWarm.withLock { $0 })
  }

  @Test func `a warm-up that fails ends the run with its reason`() throws {
    let error = RobotError(.internal, "weights", "out of memory")
    let policy = FakePolicy(warmUp: { () throws(RobotError) in
      Thread.sleep(forTimeInterval: 0.1)
      throw error
    })
    let daemon = try RunningDaemon(policy)
    let robot = try daemon.stranger()
    let answer = refusal { () throws(ClientError) in try robot.hello(clientName: "", clientVersion: "") }
    #expect(answer == error)
    #expect(daemon.stop() == error)
  }

  @Test func `a policy whose capabilities cannot be sent is refused when the daemon is made`() throws {
    let policy = OddPolicy()
    #expect(throws: RobotError.self) { try RunningDaemon(policy) }
  }
}
