import ControlDaemon
import MessagePack
import OpenPI
import RobotInterface
import RobotLink
import TestSupport
import Testing
import WebWires

@Suite("A stop outlives the connection that it was for")
struct SessionLatchTests {
  private func daemon() throws -> WiredDaemon {
    try WiredDaemon { $0.openPI(at: Endpoint(.tcp(host: .ipv4("127.0.0.1"), port: nil))) }
  }

  /// A client with its session's name.
  private struct Robot {
    let client: RawClient
    let session: String

    init(_ daemon: WiredDaemon, path: String = "/", _ headers: [String] = []) throws {
      client = try daemon.socket(path: path, headers)
      let metadata = try MessagePackValue(decoding: client.receiveFrame().payload).requireMap()
      session = try #require(metadata["session"]?.string)
    }

    /// `nil`: it has commands.
    func refusal() throws -> String? {
      let observation = MessagePackMap([
        "observation/image": try Picture.openpi,
        "observation/state": try NumericArray([0.25, 0.5], shape: [2]).messagePack(.openpi),
        "prompt": .text("push"),
      ])
      try client.send(RawClient.frame(RawClient.binary, try MessagePackValue.map(observation).encoded()))
      let answer = try client.receiveFrame()
      return answer.opcode == RawClient.text ? String(decoding: answer.payload, as: UTF8.self) : nil
    }

    var isStopped: Bool { get throws { try refusal()?.hasPrefix("stopped: ") == true } }
  }

  /// Ends a connection. Once the server has confirmed it, it comes before whatever comes later.
  private func leave(_ robot: Robot) throws {
    try robot.client.send(RawClient.frame(RawClient.close, [3, 0xe8]))
    #expect(try robot.client.receiveFrame().opcode == RawClient.close)
  }

  @Test func `a robot that was stopped and connects again is stopped, until the operator resumes it`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let first = try Robot(daemon)
    #expect(try first.refusal() == nil)
    let name = first.session
    try daemon.stopRobot(name)
    try leave(first)
    // Whichever robot comes first, all of them are stopped.
    let second = try Robot(daemon), third = try Robot(daemon)
    #expect(second.session == name && third.session != name)
    #expect(try second.isStopped)
    #expect(try third.isStopped)
    #expect(try daemon.person(name).resume() == false)
    #expect(try second.refusal() == nil)
    #expect(try third.isStopped, "its own stop is its own")
    #expect(try Robot(daemon).isStopped, "it may be that one's robot, whose connection nobody has heard the end of")
    #expect(try daemon.person(third.session).resume() == false)
    #expect(try third.refusal() == nil)
  }

  @Test func `a stop that comes when the robot has just come back as another holds for it all the same`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let first = try Robot(daemon)
    let name = first.session
    try leave(first)
    try daemon.stopRobot(name)
    #expect(try Robot(daemon).isStopped)
    // Names that nobody had stop nobody else.
    let other = try self.daemon()
    defer { other.stop() }
    try other.stopRobot("openpi-7-abc")
    #expect(try Robot(other).refusal() == nil)
  }

  @Test func `a robot that says who it is stays stopped, and no other is`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let left = try Robot(daemon, path: "/?session=left%20arm")
    #expect(left.session == "left arm")
    try daemon.stopRobot("left arm")
    try leave(left)
    #expect(try Robot(daemon).refusal() == nil)
    #expect(try Robot(daemon, path: "/?session=right").refusal() == nil)
    let back = try Robot(daemon, ["X-Session: left arm"])
    #expect(back.session == "left arm")
    #expect(try back.isStopped)
    try leave(back)
    #expect(try daemon.person("left arm").resume() == false)
    #expect(try Robot(daemon, path: "/?session=left%20arm").refusal() == nil)
  }

  @Test func `of two connections with one name the second is closed, whichever wire the first is on`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let first = try Robot(daemon, path: "/?session=left")
    #expect(try daemon.socket(path: "/?session=left").receiveFrame().code == 1008)
    #expect(try daemon.socket(path: "/?session=%C3%BC").receiveFrame().code == 1008)
    let arm = try daemon.stranger("arm")
    _ = try arm.hello(clientName: "", clientVersion: "")
    #expect(try daemon.socket(path: "/?session=arm").receiveFrame().code == 1008)
    #expect(try first.refusal() == nil)
  }

  @Test func `a robot that is restarted for ever while it is stopped leaves one session behind`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let first = try Robot(daemon)
    let name = first.session
    try daemon.stopRobot(name)
    try leave(first)
    for _ in 0..<20 {
      let again = try Robot(daemon)
      #expect(again.session == name)
      #expect(try again.isStopped)
      try leave(again)
    }
    #expect(daemon.metrics.knownSessions == 1)
  }
}
