import ControlDaemon
import Dispatch
import Foundation
import Logging
import RobotInterface
import RobotLink
import RobotPolicy
import Synchronization
import TestSupport
import Testing
import WebConsole

/// A policy without a model: one camera of 4 × 2 pixels, a state of three numbers, chunks of two steps.
final class SteppingPolicy: ObservationPolicy {
  let capabilities: Capabilities

  init(validity: UInt64 = 30_000_000_000) {
    capabilities = Capabilities(
      policyName: "stepping", policyDigest: "00", serverVersion: "test",
      cameras: [.init(name: "front", width: 4, height: 2, verticalFieldOfView: 60, input: .image)],
      proprioception: ["x", "y", "z"].map { .init(name: "tool_\($0)", unit: "m", minimum: -1, maximum: 1) },
      actions: ["x", "y", "z"].map { .init(name: "delta_\($0)", unit: "m", minimum: -1, maximum: 1) },
      actionFrame: "base", actionMode: .delta, hold: .zero, chunkLength: 2, controlRate: 20, limits: .init())
  }

  func warmUp() throws(RobotError) {}

  func act(on observation: Observation, context: inout EpisodeContext) throws(RobotError) -> ActionChunk {
    var timings = StageTimings()
    timings[.encode] = 2_000_000
    return ActionChunk(
      observationSequence: observation.sequence, capturedAt: observation.capturedAt,
      validUntil: observation.capturedAt + 1_000_000_000,
      actions: [Action(values: [0.1, 0, 0]), Action(values: [0, 0.1, 0], limited: [.speed, .workspace])], tokens: [4],
      text: "4", confidence: 0.5, timings: timings)
  }
}

/// A daemon with our own wire and a console, on a thread of its own.
final class WatchedDaemon {
  let console: WebConsole
  let operatorToken = SessionToken()
  private let daemon: ControlDaemon
  private let ended = DispatchSemaphore(value: 0)

  init(_ options: WebConsole.Options = .init()) throws {
    var consoleOptions = options
    consoleOptions.hasOperator = true
    consoleOptions.rate = 50
    console = WebConsole(consoleOptions)
    var daemonOptions = DaemonOptions()
    daemonOptions.operatorToken = operatorToken
    daemonOptions.observer = console.feed
    daemon = try ControlDaemon(
      policy: SteppingPolicy(),
      listeners: [
        console.listener(at: Endpoint(.tcp(host: .ipv4("127.0.0.1"), port: nil))),
        ZeroMQListener.at("tcp://127.0.0.1:*"),
      ], options: daemonOptions, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    Thread.detachNewThread { [daemon, ended] in
      try? daemon.run()
      ended.signal()
    }
  }

  func stop() {
    daemon.stop()
    #expect(ended.wait(timeout: .now() + 20) == .success, "run() did not return")
    console.shutDown()
  }

  var address: String { daemon.addresses[0] }
  /// Where robots come in.
  var robots: Endpoint { get throws { try Endpoint(daemon.addresses[1], for: .connect) } }
  var port: Int { address.split(separator: ":").last.flatMap { Int($0) } ?? 0 }
  var host: String { "127.0.0.1:\(port)" }

  /// The operator's token as a person types it.
  var tokenText: String { operatorToken.bytes.map { String(0x100 + Int($0), radix: 16).dropFirst() }.joined() }

  /// A robot that owns its session.
  func robot(_ session: String) throws -> RobotClient {
    let client = try RobotClient(
      endpoint: robots, sessionID: session, timeout: .seconds(20))
    _ = try client.hello(clientName: "test", clientVersion: "1")
    return client
  }

  /// What a page, or anything else, gets for a request.
  func get(_ path: String, host: String? = nil, headers: [String] = []) throws -> String {
    let client = try RawClient(port: port)
    try client.send(
      (["GET \(path) HTTP/1.1", "Host: \(host ?? self.host)"] + headers + ["", ""]).joined(separator: "\r\n"))
    return try client.receiveAll()
  }

  /// An observation with a picture of one colour.
  static func observation(_ sequence: UInt64, instruction: String = "push") -> Observation {
    Observation(
      sequence: sequence, capturedAt: MonotonicClock.nanoseconds(),
      frames: [
        CameraFrame(
          camera: "front", encoding: .rgb8, width: 4, height: 2,
          data: [UInt8](repeating: UInt8(truncatingIfNeeded: sequence), count: 24))
      ], proprioception: [0, 0, 0], instruction: instruction)
  }
}

/// A page: a browser without eyes.
final class Page {
  typealias JSON = [String: Any]
  /// One update, with its pictures' bytes.
  struct Update {
    var number: Int
    var json: JSON
    var pictures: [UInt8]

    var sessions: [JSON] { json["sessions"] as? [JSON] ?? [] }
    func session(_ name: String) -> JSON? { sessions.first { $0["name"] as? String == name } }
  }

  let client: RawClient
  let greeting: JSON
  private(set) var answers: [JSON] = []

  init(_ daemon: WatchedDaemon) throws {
    client = try RawClient(port: daemon.port)
    try client.open(path: "/live", ["Origin: http://localhost"])
    greeting = try Self.json(client.receiveFrame().payload)
  }

  private static func json(_ bytes: some Sequence<UInt8>) throws -> JSON {
    try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? JSON)
  }

  func ask(_ request: JSON) throws {
    let bytes = try JSONSerialization.data(withJSONObject: request)
    try client.send(RawClient.frame(RawClient.text, Array(bytes)))
  }

  /// The next update, which is not drawn yet. Answers that come before it are kept.
  func receive() throws -> Update {
    while true {
      let frame = try client.receiveFrame()
      if frame.opcode == RawClient.text {
        answers.append(try Self.json(frame.payload))
        continue
      }
      return try Self.update(frame)
    }
  }

  private static func update(_ frame: RawClient.Frame) throws -> Update {
    try #require(frame.opcode == RawClient.binary, "\(frame)")
    let length = frame.payload.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    let json = try json(frame.payload[4..<(4 + length)])
    return Update(
      number: try #require(json["update"] as? Int), json: json, pictures: Array(frame.payload[(4 + length)...]))
  }

  func draw(_ update: Update) throws { try ask(["kind": "drawn", "update": update.number]) }

  /// Draws until an update is as it shall be.
  func update(where isReached: (Update) -> Bool) throws -> Update {
    for _ in 0..<1000 {
      let update = try receive()
      try draw(update)
      if isReached(update) { return update }
    }
    throw RawClient.Failure(description: "1000 updates, none as expected")
  }

  /// Waits for the answer to something, and draws whatever updates come before it.
  func answer(to kind: String) throws -> JSON {
    for _ in 0..<1000 {
      if let place = answers.firstIndex(where: { $0["kind"] as? String == kind }) { return answers.remove(at: place) }
      let frame = try client.receiveFrame()
      if frame.opcode == RawClient.text {
        answers.append(try Self.json(frame.payload))
      } else {
        try draw(try Self.update(frame))
      }
    }
    throw RawClient.Failure(description: "no answer to \(kind)")
  }
}
