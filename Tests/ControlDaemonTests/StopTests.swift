import ControlDaemon
import Dispatch
import RobotInterface
import RobotLink
import Testing

@Suite("A stop holds until it is cleared on purpose")
struct StopTests {
  @Test func `a stop during a running step answers it at once and drops its result`() throws {
    let policy = FakePolicy()
    let daemon = try RunningDaemon(policy)
    defer { daemon.stop() }
    let robot = try daemon.client()
    policy.hold(true)
    let step = try robot.send(.observation(.sample(1)))
    #expect(policy.isInStep())
    // Anyone who knows the name: an operator's button.
    #expect(try daemon.stranger().stop(reason: "button"))
    let reply = try robot.receive()
    #expect(reply.requestID == step)
    guard case .error(let error) = reply.body else {
      Issue.record("\(reply)")
      return
    }
    #expect(error.code == .stopped)

    policy.hold(false)
    policy.release.signal()
    #expect(refusal { () throws(ClientError) in try robot.act(on: .sample(2)) }?.code == .stopped)
    #expect(try robot.reset(), "a new episode is no permission to move")
    #expect(refusal { () throws(ClientError) in try robot.act(on: .sample(3)) }?.code == .stopped)
    #expect(try robot.resume() == false)
    #expect(try robot.act(on: .sample(4)).observationSequence == 4)
    #expect(daemon.daemon.metrics.chunks == 1)
  }

  @Test func `a stop answers the observation that waits`() throws {
    let policy = FakePolicy()
    let daemon = try RunningDaemon(policy)
    defer { daemon.stop() }
    let (busy, robot) = (try daemon.client("busy"), try daemon.client("arm"))
    policy.hold(true)
    _ = try busy.send(.observation(.sample(1)))
    #expect(policy.isInStep())
    _ = try robot.send(.observation(.sample(1)))
    _ = try robot.send(.stop(reason: ""))
    guard case .error(let error) = try robot.receive().body, case .acknowledgement(true) = try robot.receive().body
    else {
      Issue.record("not stopped")
      return
    }
    #expect(error.code == .stopped)
    policy.hold(false)
    policy.release.signal()
    guard case .actionChunk = try busy.receive().body else {
      Issue.record("the other session was stopped too")
      return
    }
    #expect(policy.seen.count == 1)
  }

  @Test func `a robot that reconnects finds its stop latched`() throws {
    let daemon = try RunningDaemon(FakePolicy())
    defer { daemon.stop() }
    try daemon.stranger("arm").stop(reason: "")
    let again = try daemon.client("arm")
    #expect(refusal { () throws(ClientError) in try again.act(on: .sample(1)) }?.code == .stopped)
    try again.resume()
    _ = try again.act(on: .sample(2))
  }

  @Test func `a reset drops the step of the old episode`() throws {
    let policy = FakePolicy()
    let daemon = try RunningDaemon(policy)
    defer { daemon.stop() }
    let robot = try daemon.client()
    policy.hold(true)
    _ = try robot.send(.observation(.sample(1)))
    #expect(policy.isInStep())
    _ = try robot.send(.reset)
    guard case .error(let error) = try robot.receive().body else {
      Issue.record("an old episode's commands were sent")
      return
    }
    #expect(error.code == .superseded)
    policy.hold(false)
    policy.release.signal()
    guard case .acknowledgement(false) = try robot.receive().body else {
      Issue.record("no acknowledgement")
      return
    }
    #expect(try robot.act(on: .sample(1)).observationSequence == 1)
  }
}
