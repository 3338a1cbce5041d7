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

  /// Protobuf by hand, so that it can be wrong: a stop of session `arm`.
  private func stop(version: UInt8 = 2, token: Int = 0, reason: [UInt8], more: [UInt8] = []) -> [UInt8] {
    func content(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
      let length = bytes.count
      let digits = [UInt8(length & 0x7F) | 0x80, UInt8(length >> 7 & 0x7F) | 0x80, UInt8(length >> 14)]
      return [number << 3 | 2] + digits + bytes
    }
    return [0x08, version, 0x10, 9] + content(3, Array("arm".utf8)) + content(4, [UInt8](repeating: 1, count: token))
      + content(13, content(1, reason)) + more
  }

  @Test func `whatever is wrong with a stop, it stops`() throws {
    let daemon = try RunningDaemon(FakePolicy(maximumMessageBytes: 100_000))
    defer { daemon.stop() }
    let robot = try daemon.client()
    let long = [UInt8](repeating: 0x61, count: 2000)
    let wrong: [(String, [UInt8])] = [
      ("a reason that is too long", stop(reason: long)),
      ("a token that is too long", stop(token: 65, reason: [0x61])),
      ("a NUL in the reason", stop(reason: [0x61, 0, 0x61])),
      ("no UTF-8", stop(reason: [0xFF, 0xFE])),
      ("another version", stop(version: 9, reason: [0x61])),
      ("no version", stop(version: 0, reason: [0x61])),
      ("two bodies", stop(reason: [0x61], more: [14 << 3 | 2, 0])),
      ("two stops", stop(reason: [0x61], more: [13 << 3 | 2, 0])),
      ("bytes that are no field after it", stop(reason: [0x61], more: [0xFF])),
      ("cut short", Array(stop(reason: long).dropLast(5))),
      ("larger than the daemon reads", stop(reason: [UInt8](repeating: 0x61, count: 150_000))),
    ]
    for (what, bytes) in wrong {
      let stranger = try daemon.stranger("arm")
      try stranger.send(bytes)
      let reply = try stranger.receive()
      #expect(reply.body == .acknowledgement(stopped: true), "\(what)")
      #expect(reply.requestID == 9)
      #expect(refusal { () throws(ClientError) in try robot.act(on: .sample(1)) }?.code == .stopped, "\(what)")
      _ = try robot.resume()
    }
    _ = try robot.act(on: .sample(1))
  }

  @Test func `a client's stop goes through with any reason and any token`() async throws {
    let daemon = try RunningDaemon(FakePolicy())
    defer { daemon.stop() }
    let events = daemon.daemon.events()
    let stranger = try RobotClient(
      endpoint: daemon.endpoint, sessionID: "arm", sessionToken: [UInt8](repeating: 1, count: 999),
      timeout: .seconds(20))
    #expect(try stranger.stop(reason: "a\0" + String(repeating: "é", count: 5_000)))
    daemon.stop()
    let expected = "a " + String(repeating: "é", count: 511)
    var reasons: [String] = []
    for await event in events {
      if case .stopLatched(let reason) = event.kind { reasons.append(reason) }
    }
    #expect(reasons == [expected])
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
