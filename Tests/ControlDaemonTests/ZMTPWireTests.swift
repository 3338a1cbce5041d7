import ControlDaemon
import Foundation
import Logging
import ProtobufCodec
import RobotInterface
import RobotLink
import Synchronization
import TestSupport
import Testing
import ZMTPWire
import ZeroMQTransport

/// What holds for this wire alone; what holds for both is every other test here (`RunningDaemon.Wire`).
@Suite("Our own wire without libzmq bounds what a client can cost", .timeLimit(.minutes(2))) struct ZMTPWireTests {
  private func port(_ daemon: RunningDaemon) throws -> UInt16 {
    guard case .tcp(_, let port?) = daemon.endpoint.place else { throw CocoaError(.featureUnsupported) }
    return port
  }

  @Test(arguments: ["tcp://127.0.0.1:*", "ipc:///tmp/uio2-zmtp-\(UUID().uuidString.prefix(8))"])
  func `a robot of libzmq flies, is stopped and comes again`(endpoint: String) throws {
    let daemon = try RunningDaemon(FakePolicy(), endpoint: endpoint, wire: .zmtp)
    defer { daemon.stop() }
    let robot = try daemon.client()
    #expect(robot.isOwner)
    for sequence in 1...3 as ClosedRange<UInt64> {
      #expect(try robot.act(on: .sample(sequence)).observationSequence == sequence)
    }
    #expect(try daemon.stranger().stop(reason: "anybody's"))
    #expect(refusal { () throws(ClientError) in try robot.act(on: .sample(4)) }?.code == .stopped)
    let again = try daemon.client()
    #expect(again.isOwner)
    #expect(refusal { () throws(ClientError) in try again.act(on: .sample(5)) }?.code == .stopped)
  }

  @Test func `a message without an end ends its connection, and costs the robots nothing`() throws {
    let daemon = try RunningDaemon(FakePolicy(), wire: .zmtp)
    defer { daemon.stop() }
    let robot = try daemon.client()
    let hostile = try RawPeer(port: try port(daemon))
    try hostile.shakeHands()
    // Empty frames that are never the last.
    let frames = [UInt8](repeating: 0, count: 2 << 12).enumerated().map { $0.offset % 2 == 0 ? UInt8(1) : 0 }
    var rounds = 0
    while (try? hostile.send(frames)) != nil, rounds < 4_000 { rounds += 1 }
    #expect(rounds < 4_000, "it was not cut off")
    #expect(try robot.act(on: .sample(1)).observationSequence == 1)
  }

  @Test func `a message has its time, and a client that goes on sending has it for each`() throws {
    let maker: ListenerMaker = { (setting) throws(RobotError) in
      try ZMTPListener(
        at: Endpoint("tcp://127.0.0.1:*", for: .listen), options: .init(), messageTime: .seconds(2), for: setting
      )
    }
    let daemon = try ControlDaemon(
      policy: FakePolicy(), listeners: [maker], options: DaemonOptions(),
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    let ended = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      try? daemon.run()
      ended.signal()
    }
    defer {
      daemon.stop()
      ended.wait()
    }
    let port = try #require(daemon.addresses[0].split(separator: ":").last.flatMap { UInt16($0) })
    // Each read ends in the middle of a message, and every message takes much less than its time.
    let going = try RawPeer(port: port)
    try going.shakeHands()
    let start = ContinuousClock.now
    try going.send([0])
    while ContinuousClock.now - start < .seconds(3) {
      try going.send([1, 7, 0])
      _ = try going.receiveFrame()
    }
    // One that stops in the middle is cut off.
    let stuck = try RawPeer(port: port)
    try stuck.shakeHands()
    try stuck.send([0, 5, 1])
    let end = #expect(throws: RawPeer.Failure.self) { try stuck.receive(1) }
    #expect(end?.description == "the connection was closed")
  }

  /// Alone, and behind more than a connection may have waiting.
  @Test(arguments: [0, 100]) func `a stop is heard whose client has left`(before: Int) throws {
    let wakes = Atomic(0)
    let wakeUp = try WakeUp()
    let setting = ListenerSetting(capabilities: FakePolicy().capabilities, maximumMessageBytes: 10_000) {
      wakes.wrappingAdd(1, ordering: .sequentiallyConsistent)
      wakeUp.signal()
    }
    var options = RouterSocket.Options()
    options.maximumConnectionsPerAddress = 1
    let listener = try ZMTPListener(at: Endpoint("tcp://127.0.0.1:*", for: .listen), options: options, for: setting)
    defer { listener.shutDown(within: .zero) }
    let port = try #require(listener.address.split(separator: ":").last.flatMap { UInt16($0) })
    var leaver: RawPeer? = try RawPeer(port: port)
    try leaver?.shakeHands()
    var sent = (0..<before).map { RequestMessage(requestID: UInt64($0), sessionID: "arm", body: .reset) }
    sent.append(RequestMessage(requestID: UInt64(before), sessionID: "arm", body: .stop(reason: "left")))
    try leaver?.send(sent.flatMap { RawPeer.frame(try $0.encoded()) })
    leaver = nil
    let limit = ContinuousClock.now + .seconds(20)
    // Where nothing is in its way, it has come and its client has gone before anybody looks.
    while before == 0, wakes.load(ordering: .sequentiallyConsistent) < 2 {
      try #require(ContinuousClock.now < limit, "nobody has noticed that it left")
      try wakeUp.wait(beside: [], timeout: .milliseconds(10))
    }
    var heard: [RequestMessage] = [], hasGone = false
    while !hasGone, ContinuousClock.now < limit {
      switch try listener.next() {
      case .request(_, .success(let request), _): heard.append(request)
      case .request(_, .failure(let failure), _): Issue.record("\(failure)")
      case .gone: hasGone = true
      case nil: try wakeUp.wait(beside: [], timeout: .milliseconds(10))
      }
    }
    #expect(hasGone)
    #expect(heard.map(\.requestID) == sent.map(\.requestID))
    #expect(heard.last?.body == .stop(reason: "left"))
    #expect(try RawPeer(port: port).shakeHands() == "READY", "it does not count any more")
  }

  @Test func `connections of one machine are limited, and one that ends makes room`() throws {
    var socket = RouterSocket.Options()
    socket.maximumConnectionsPerAddress = 3
    let daemon = try RunningDaemon(FakePolicy(), wire: .zmtp, socket: socket)
    defer { daemon.stop() }
    let robot = try daemon.client()
    var peers = try (0..<2).map { _ in try RawPeer(port: try port(daemon)) }
    for peer in peers { try peer.shakeHands() }
    let refused = try RawPeer(port: try port(daemon))
    #expect(throws: (any Error).self) { try refused.shakeHands() }
    #expect(try robot.act(on: .sample(1)).observationSequence == 1)
    peers.removeLast()
    let limit = ContinuousClock.now + .seconds(20)
    var isIn = false
    while !isIn, ContinuousClock.now < limit {
      isIn = (try? RawPeer(port: try port(daemon)).shakeHands()) != nil
    }
    #expect(isIn)
  }
}
