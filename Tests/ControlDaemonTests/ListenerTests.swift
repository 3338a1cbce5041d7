import ControlDaemon
import Dispatch
import Foundation
import RobotInterface
import RobotLink
import Synchronization
import Testing

@Suite("Several wires serve one policy, and none knows of the others")
struct ListenerTests {
  @Test func `each reply leaves on the wire and to the client that its request came from`() throws {
    let box = FakeWire.Box()
    let daemon = try RunningDaemon(FakePolicy(), others: [box.maker("fake://a"), box.maker("fake://b")])
    defer { daemon.stop() }
    #expect(daemon.daemon.addresses.count == 3)
    #expect(daemon.daemon.addresses.suffix(2) == ["fake://a", "fake://b"])
    // The same connection on both, and the same request: only the wire differs.
    for (index, wire) in box.wires.enumerated() {
      wire.ask(.hello(clientName: "", clientVersion: ""), id: UInt64(index), session: "s\(index)", client: 9)
    }
    for (index, wire) in box.wires.enumerated() {
      let (reply, route) = try wire.reply()
      #expect(reply.requestID == UInt64(index) && reply.sessionID == "s\(index)")
      #expect(route.connection == [9])
    }
    _ = try daemon.client().act(on: .sample(1))
  }

  @Test func `a robot on any wire is served, with the limits of the policy`() throws {
    let box = FakeWire.Box()
    let daemon = try RunningDaemon(FakePolicy(maximumMessageBytes: 12_345), others: [box.maker()])
    defer { daemon.stop() }
    let wire = box.wires[0]
    #expect(wire.setting.maximumMessageBytes == 12_345)
    #expect(wire.setting.capabilities.policyName == "fake")
    wire.ask(.hello(clientName: "", clientVersion: ""))
    guard case .capabilities(let capabilities) = try wire.reply().reply.body else {
      Issue.record("no capabilities")
      return
    }
    wire.ask(.observation(.sample(1)), token: capabilities.sessionToken)
    guard case .actionChunk(let chunk) = try wire.reply().reply.body else {
      Issue.record("no commands")
      return
    }
    #expect(chunk.actions.first?.limited == .range)
    wire.ask(.observation(.sample(2)), token: [])
    guard case .error(let error) = try wire.reply().reply.body else {
      Issue.record("not refused")
      return
    }
    #expect(error.code == .notOwner)
  }

  @Test func `the daemon reckons with the moment at which a request left its socket`() throws {
    let box = FakeWire.Box()
    let daemon = try RunningDaemon(FakePolicy(), others: [box.maker()])
    defer { daemon.stop() }
    let wire = box.wires[0]
    wire.ask(.hello(clientName: "", clientVersion: ""))
    guard case .capabilities(let capabilities) = try wire.reply().reply.body else {
      Issue.record("no capabilities")
      return
    }
    wire.arrive(
      .request(
        Route(connection: [1]),
        .success(
          RequestMessage(
            requestID: 2, sessionID: "fake", sessionToken: capabilities.sessionToken,
            body: .observation(.sample(1, clock: .simulated)))),
        // It has lain in the wire since the beginning of the clock, a second before its first reading.
        arrivedAt: 1))
    _ = try wire.reply()
    #expect(daemon.daemon.metrics.answerTime.maximum >= 999_999_999)
  }

  @Test func `a stop on one wire stops a robot of another`() throws {
    let box = FakeWire.Box()
    let daemon = try RunningDaemon(FakePolicy(), others: [box.maker()])
    defer { daemon.stop() }
    let robot = try daemon.client("arm")
    _ = try robot.act(on: .sample(1))
    box.wires[0].ask(.stop(reason: "enough"), session: "arm")
    guard case .acknowledgement(stopped: true) = try box.wires[0].reply().reply.body else {
      Issue.record("not acknowledged")
      return
    }
    #expect(refusal { () throws(ClientError) in try robot.act(on: .sample(2)) }?.code == .stopped)
  }

  @Test func `a wire that always has more keeps no other waiting`() throws {
    let box = FakeWire.Box()
    let daemon = try RunningDaemon(FakePolicy(), others: [box.maker(), box.maker()])
    defer { daemon.stop() }
    let bad = UnreadableRequest(error: RobotError(.malformed, "message", "noise"))
    box.wires[0].flood(.request(Route(connection: [1]), .failure(bad), arrivedAt: 0))
    let robot = try daemon.client()
    for sequence in UInt64(1)...20 { _ = try robot.act(on: .sample(sequence)) }
    // Taking turns: no wire gets two of its messages in before one of another that waits.
    let before = box.wires[0].taken
    for id in UInt64(1)...50 { box.wires[1].ask(.reset, id: id) }
    for _ in 1...50 { _ = try box.wires[1].reply() }
    #expect(box.wires[0].taken > before)
    #expect(daemon.daemon.metrics.errors[.malformed] ?? 0 > 0)
  }

  @Test func `a client that has gone ends its generation`() throws {
    let box = FakeWire.Box()
    let daemon = try RunningDaemon(TalkingPolicy(tokenTime: 0.01), others: [box.maker()])
    defer { daemon.stop() }
    let wire = box.wires[0]
    wire.ask(.generate(GenerationRequest(prompt: "cup", maximumTokens: 100_000, progressInterval: 1_000_000)))
    _ = try wire.reply()
    wire.arrive(.gone(Route(connection: [1])))
    var last: ReplyMessage.Body?
    repeat { last = try wire.reply().reply.body } while last?.isFinal != true
    guard case .generation(let result) = last else {
      Issue.record("\(String(describing: last))")
      return
    }
    #expect(result.finishReason == .cancelled)
  }

  @Test func `a wire that fails ends the daemon, and the clients of the others are told`() throws {
    let box = FakeWire.Box()
    let policy = FakePolicy()
    let daemon = try RunningDaemon(policy, others: [box.maker(), box.maker()])
    let (broken, healthy) = (box.wires[0], box.wires[1])
    healthy.ask(.hello(clientName: "", clientVersion: ""))
    guard case .capabilities(let capabilities) = try healthy.reply().reply.body else {
      Issue.record("no capabilities")
      return
    }
    policy.hold(true)
    healthy.ask(.observation(.sample(1)), id: 7, token: capabilities.sessionToken)
    #expect(policy.isInStep())
    let failure = RobotError(.internal, "fake", "the cable is cut")
    broken.fail(failure)
    let (reply, _) = try healthy.reply()
    guard case .error(let error) = reply.body else {
      Issue.record("\(reply)")
      return
    }
    #expect(reply.requestID == 7 && error.code == .shuttingDown && error.message.contains("the cable is cut"))
    policy.release.signal()
    #expect(daemon.stop() == failure)
    #expect(box.wires.map(\.isClosed) == [true, true])
  }

  @Test func `a wire that has failed is not asked again, and the others take their turns`() throws {
    let box = FakeWire.Box(), wakeUp = try WakeUp()
    let setting = ListenerSetting(
      capabilities: FakePolicy().capabilities, maximumMessageBytes: 1_000, wake: { wakeUp.signal() })
    var reception = try Reception([box.maker()(setting), box.maker()(setting)], wakeUp: wakeUp)
    let failure = RobotError(.internal, "fake", "the cable is cut")
    box.wires[0].fail(failure)
    for id in UInt64(1)...3 { box.wires[1].ask(.reset, id: id) }
    let arrivals = (1...3).compactMap { _ in reception.next() }
    #expect(arrivals.count == 3)
    // Nobody waits for ever.
    let last = reception.next(timeout: nil)
    #expect(last == nil)
    #expect(reception.failure == failure)
    let reply = ReplyMessage(requestID: 1, sessionID: "fake", body: .acknowledgement(stopped: true))
    let delivery = reception.deliver(reply, to: Route(connection: [1]))
    #expect(delivery == .gone, "the first wire's")
    #expect(box.wires.map(\.voids) == [[], ["fake stopped"]])
  }

  @Test func `all wires close at the same time`() throws {
    let box = FakeWire.Box()
    let daemon = try RunningDaemon(FakePolicy(), others: [box.maker(), box.maker(), box.maker()])
    let begun = DispatchSemaphore(value: 0), everybody = DispatchSemaphore(value: 0)
    let late = Mutex(0)
    for wire in box.wires {
      wire.whileClosing {
        begun.signal()
        if everybody.wait(timeout: .now() + 10) == .timedOut { late.withLock { $0 += 1 } }
      }
    }
    daemon.daemon.stop()
    // Each waits until all have begun.
    for _ in box.wires { #expect(begun.wait(timeout: .now() + 5) == .success) }
    for _ in box.wires { everybody.signal() }
    #expect(daemon.stop() == nil)
    #expect(late.withLock { $0 } == 0)
  }

  @Test func `every wire hears when the commands of a session are void`() throws {
    let box = FakeWire.Box()
    let daemon = try RunningDaemon(FakePolicy(), others: [box.maker(), box.maker()])
    defer { daemon.stop() }
    let robot = try daemon.client("arm")
    _ = try robot.reset()
    _ = try robot.stop(reason: "")
    _ = try robot.reset()
    _ = try robot.resume()
    _ = try robot.release()
    #expect(box.wires.map(\.voids) == Array(repeating: ["arm", "arm stopped", "arm stopped", "arm", "arm"], count: 2))
  }

  @Test func `whoever looks whether the address is in place keeps no robot waiting`() throws {
    let isAsked = DispatchSemaphore(value: 0), answer = DispatchSemaphore(value: 0)
    var options = DaemonOptions()
    let gone = RobotError(.shuttingDown, "--operator", "gone")
    options.hindrance = {
      isAsked.signal()
      answer.wait()
      return gone
    }
    let daemon = try RunningDaemon(FakePolicy(), options: options)
    // As on a file system that does not answer.
    #expect(isAsked.wait(timeout: .now() + 20) == .success)
    let robot = try daemon.client()
    _ = try robot.act(on: .sample(1))
    // Once it answers, the daemon ends by itself.
    answer.signal()
    #expect(daemon.wait { !$0.isReady })
    #expect(daemon.stop() == gone)
  }

  @Test func `where one wire cannot listen, those before it are closed again`() throws {
    let box = FakeWire.Box()
    let refused = RobotError(.internal, "fake://b", "in use")
    let broken: ListenerMaker = { (_) throws(RobotError) in throw refused }
    let makers = [box.maker("fake://a"), broken]
    let error = #expect(throws: RobotError.self) { try RunningDaemon(FakePolicy(), others: makers) }
    #expect(error == refused)
    #expect(box.wires.map(\.isClosed) == [true])
  }

  @Test func `what waits at the end is answered on its wire, which is then closed`() throws {
    let box = FakeWire.Box()
    let policy = FakePolicy()
    let daemon = try RunningDaemon(policy, others: [box.maker()])
    let wire = box.wires[0]
    wire.ask(.hello(clientName: "", clientVersion: ""))
    guard case .capabilities(let capabilities) = try wire.reply().reply.body else { return }
    policy.hold(true)
    wire.ask(.observation(.sample(1)), token: capabilities.sessionToken)
    #expect(policy.isInStep())
    daemon.daemon.stop()
    guard case .error(let error) = try wire.reply().reply.body else {
      Issue.record("not told")
      return
    }
    #expect(error.code == .shuttingDown)
    policy.release.signal()
    #expect(daemon.stop() == nil)
    #expect(wire.isClosed)
  }

  /// Keeps what it sees.
  private final class Notes: MessageObserver {
    let lines = Mutex<[String]>([])

    func received(_ request: RequestMessage, as bytes: [UInt8]?, at time: UInt64) {
      lines.withLock { $0.append("> \(request.requestID) \(bytes == nil ? "" : "bytes")") }
    }

    func sent(_ reply: ReplyMessage, as bytes: [UInt8]?, isDelivered: Bool) {
      lines.withLock { $0.append("< \(reply.requestID) \(bytes == nil ? "" : "bytes") \(isDelivered)") }
    }
  }

  @Test func `an observer sees every request and every reply with its bytes, and a stop that nobody could read`() throws
  {
    let box = FakeWire.Box(), notes = Notes()
    var options = DaemonOptions()
    options.observer = notes
    let daemon = try RunningDaemon(FakePolicy(), others: [box.maker()], options: options)
    _ = try daemon.stranger().stop(reason: "")
    daemon.stop()
    #expect(notes.lines.withLock { $0 } == ["> 1 bytes", "< 1 bytes true"])
    #expect(box.wires.first?.setting.observer != nil)
  }
}
