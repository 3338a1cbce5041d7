import Foundation
import RobotInterface
import RobotLink
import TestSupport
import Testing
import WebConsole

@Suite("A console and the daemon")
struct ConsoleTests {
  private func refusal(_ body: () throws -> Void) -> RobotError.Code? {
    do {
      try body()
      return nil
    } catch ClientError.refused(let error) { return error.code } catch {
      Issue.record(error)
      return nil
    }
  }

  @Test func `the page is served whole, with nothing from elsewhere and no way into a frame`() throws {
    let daemon = try WatchedDaemon()
    defer { daemon.stop() }
    #expect(daemon.address.hasPrefix("console://127.0.0.1:"))
    for (path, kind) in [("/", "text/html"), ("/console.js", "text/javascript"), ("/console.css", "text/css")] {
      let answer = try daemon.get(path)
      #expect(answer.hasPrefix("HTTP/1.1 200 "), "\(path)")
      #expect(answer.contains("Content-Type: \(kind)"))
      #expect(answer.contains("default-src 'none'") && answer.contains("frame-ancestors 'none'"))
      #expect(answer.contains("X-Frame-Options: DENY"))
      let body = answer[(answer.firstRange(of: "\r\n\r\n")?.upperBound ?? answer.startIndex)...]
      #expect(!body.contains("http://") && !body.contains("https://") && !body.contains("innerHTML"), "\(path)")
      #expect(!body.contains("eval(") && !body.contains("insertAdjacentHTML") && !body.contains("document.write"))
    }
  }

  @Test(arguments: ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "[evil]"])
  func `a name of somebody else's that leads here gets nothing`(host: String) throws {
    let daemon = try WatchedDaemon()
    defer { daemon.stop() }
    #expect(try daemon.get("/", host: host).hasPrefix("HTTP/1.1 421 "))
    let socket = [
      "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version: 13", "Origin: http://\(host)",
    ]
    #expect(try daemon.get("/live", host: host, headers: socket).hasPrefix("HTTP/1.1 421 "))
  }

  @Test(arguments: ["http://evil.example", "null", "http://127.0.0.1:1", "https://evil.example"])
  func `another page's script opens no websocket`(origin: String) throws {
    let daemon = try WatchedDaemon()
    defer { daemon.stop() }
    let answer = try daemon.get(
      "/live",
      headers: [
        "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13", "Origin: \(origin)",
      ])
    #expect(answer.hasPrefix("HTTP/1.1 403 "), "\(answer)")
  }

  @Test func `nothing but GET is answered, so no form of another page stops or resumes`() throws {
    let daemon = try WatchedDaemon()
    defer { daemon.stop() }
    let client = try RawClient(port: daemon.port)
    try client.send("POST / HTTP/1.1\r\nHost: \(daemon.host)\r\nContent-Length: 0\r\n\r\n")
    #expect(try client.receiveAll().hasPrefix("HTTP/1.1 405 "))
  }

  @Test func `a page sees what a robot saw, was told and was held to`() throws {
    var options = WebConsole.Options()
    options.projections = [
      try #require(
        CameraProjection(camera: "front", matrix: [1, 0, 0, 2, 0, 1, 0, 1, 0, 0, 0, 1], width: 4, height: 2))
    ]
    let daemon = try WatchedDaemon(options)
    defer { daemon.stop() }
    let page = try Page(daemon)
    #expect(page.greeting["policy"] as? String == "stepping")
    #expect(page.greeting["hasOperator"] as? Bool == true)
    let robot = try daemon.robot("arm")
    _ = try robot.act(on: WatchedDaemon.observation(1, instruction: "<b>push</b>"))
    let update = try page.update { $0.session("arm")?["chunks"] as? Int == 1 }
    let session = try #require(update.session("arm"))
    #expect(session["state"] as? String == "flying")
    #expect(session["instruction"] as? String == "<b>push</b>")
    let pictures = try #require(session["pictures"] as? [Page.JSON])
    #expect(pictures.map { $0["camera"] as? String } == ["front"])
    #expect(update.pictures == [UInt8](repeating: 1, count: 24))
    let commands = try #require(session["commands"] as? [Page.JSON])
    #expect(commands.map { $0["limited"] as? [String] } == [[], ["workspace", "speed"]])
    #expect(session["limits"] as? [Int] == [0, 1, 1, 0, 0, 0, 0])
    #expect((session["stages"] as? [Double])?[4] == 2)
    let lines = try #require(session["lines"] as? [Page.JSON])
    let points = try #require(lines.first?["points"] as? [[Double]])
    #expect(points == [[0.5, 0.5], [0.525, 0.5], [0.525, 0.55]])
    // The same picture is not sent twice.
    let next = try page.update { _ in true }
    #expect(next.pictures.isEmpty && next.session("arm") != nil)
  }

  @Test func `the button of one session stops it, and only the operator resumes it`() throws {
    let daemon = try WatchedDaemon()
    defer { daemon.stop() }
    let robot = try daemon.robot("arm"), other = try daemon.robot("other")
    let page = try Page(daemon)
    _ = try robot.act(on: WatchedDaemon.observation(1))
    try page.ask(["kind": "stop", "session": "arm"])
    #expect(try page.answer(to: "stop")["error"] == nil)
    #expect(refusal { _ = try robot.act(on: WatchedDaemon.observation(2)) } == .stopped)
    _ = try other.act(on: WatchedDaemon.observation(1))
    let stopped = try page.update { $0.session("arm")?["state"] as? String == "stopped" }
    #expect(stopped.session("arm")?["reason"] as? String == "stopped on the console")

    for token in ["", "00", "zz", String(repeating: "0", count: 32)] {
      try page.ask(["kind": "resume", "session": "arm", "token": token])
      #expect((try page.answer(to: "resume")["error"] as? String)?.hasPrefix("not_owner") == true)
    }
    #expect(refusal { _ = try robot.act(on: WatchedDaemon.observation(3)) } == .stopped)
    // What the robot sees is shown while it is stopped: whoever resumes it wants to know.
    let shown = try page.update { $0.session("arm")?["sequence"] as? Int == 3 }
    #expect(shown.session("arm")?["state"] as? String == "stopped")
    try page.ask(["kind": "resume", "session": "arm", "token": daemon.tokenText])
    #expect(try page.answer(to: "resume")["error"] == nil)
    _ = try robot.act(on: WatchedDaemon.observation(4))
  }

  @Test func `stopping everybody stops who is there and who comes, until the operator admits newcomers`() throws {
    let daemon = try WatchedDaemon()
    defer { daemon.stop() }
    let page = try Page(daemon)
    let robots = try (1...3).map { try daemon.robot("arm\($0)") }
    _ = try robots[0].act(on: WatchedDaemon.observation(1))
    try page.ask(["kind": "stop_everybody"])
    #expect(try page.answer(to: "stop_everybody")["error"] == nil)
    _ = try page.update { $0.sessions.count == 3 && $0.sessions.allSatisfy { $0["state"] as? String == "stopped" } }
    for robot in robots { #expect(refusal { _ = try robot.act(on: WatchedDaemon.observation(2)) } == .stopped) }
    let late = try daemon.robot("late")
    _ = try page.update { $0.session("late")?["state"] as? String == "stopped" }
    #expect(refusal { _ = try late.act(on: WatchedDaemon.observation(1)) } == .stopped)
    // A robot that is resumed stays so: only who was never seen is stopped.
    #expect(try late.resume() == false)
    _ = try late.act(on: WatchedDaemon.observation(2))

    try page.ask(["kind": "admit_newcomers"])
    #expect(try page.answer(to: "admit_newcomers")["error"] != nil)
    try page.ask(["kind": "admit_newcomers", "token": daemon.tokenText])
    #expect(try page.answer(to: "admit_newcomers")["error"] == nil)
    let latest = try daemon.robot("latest")
    _ = try latest.act(on: WatchedDaemon.observation(1))
  }

  @Test func `a stranger puts no picture into a session and makes none`() throws {
    let daemon = try WatchedDaemon()
    defer { daemon.stop() }
    let robot = try daemon.robot("arm")
    _ = try robot.act(on: WatchedDaemon.observation(1))
    let stranger = try RobotClient(
      endpoint: daemon.robots, sessionID: "arm", sessionToken: [UInt8](repeating: 1, count: 16), timeout: .seconds(20))
    #expect(refusal { _ = try stranger.act(on: WatchedDaemon.observation(99)) } == .notOwner)
    let nobody = try RobotClient(endpoint: daemon.robots, sessionID: "nobody", timeout: .seconds(20))
    #expect(refusal { _ = try nobody.act(on: WatchedDaemon.observation(1)) } == .notOwner)
    let update = try Page(daemon).update { _ in true }
    #expect(update.session("arm")?["sequence"] as? Int == 1)
    #expect(update.sessions.count == 1)
  }

  @Test func `a page that does not draw gets one update and nothing behind it`() throws {
    let daemon = try WatchedDaemon()
    defer { daemon.stop() }
    let robot = try daemon.robot("arm")
    let slow = try Page(daemon), quick = try Page(daemon)
    let first = try slow.receive()
    for sequence in 1...20 as ClosedRange<UInt64> {
      _ = try robot.act(on: WatchedDaemon.observation(sequence))
      _ = try quick.update { $0.session("arm")?["sequence"] as? Int == Int(sequence) }
    }
    try slow.draw(first)
    let second = try slow.receive()
    #expect(second.number == first.number + 1)
    #expect(second.session("arm")?["sequence"] as? Int == 20)
    #expect(second.pictures == [UInt8](repeating: 20, count: 24))
    #expect(try #require(second.json["skipped"] as? Int) > 0)
  }

  @Test(arguments: ["nonsense", "{}", #"{"kind":"fly"}"#, #"{"kind":"stop","session":7}"#])
  func `a page that does not speak the format is closed, and nothing happens`(text: String) throws {
    let daemon = try WatchedDaemon()
    defer { daemon.stop() }
    let robot = try daemon.robot("arm")
    let page = try Page(daemon)
    try page.client.send(RawClient.frame(RawClient.text, Array(text.utf8)))
    var code: Int?
    while code == nil {
      let frame = try page.client.receiveFrame()
      if frame.opcode == RawClient.close { code = frame.code }
    }
    #expect(code == 1003)
    _ = try robot.act(on: WatchedDaemon.observation(1))
  }

  @Test func `a name that is none is refused with a sentence`() throws {
    let daemon = try WatchedDaemon()
    defer { daemon.stop() }
    let page = try Page(daemon)
    for name in ["", "a\u{0}b", String(repeating: "x", count: 500)] {
      try page.ask(["kind": "stop", "session": name])
      #expect(try page.answer(to: "stop")["error"] is String, "\(name)")
    }
  }
}
