import Foundation
import RobotInterface
import RobotLink
import Testing

/// `uio2 serve` as a robot meets it: frozen, replaced by another, and with an operator beside it.
@Suite("A served robot") struct ServeRobotTests {
  private static let policy = BuiltTool.repository.appending(path: "Policies/metaworld-mt5")
  private static let model = "Tests/UnifiedIOTests/Fixtures/tiny-a"

  /// Serves at `socket` while `body` runs.
  private func serving(
    _ arguments: [String], at socket: URL, _ body: (Process, String) throws -> Void
  ) throws {
    let address = "ipc://" + socket.path
    try BuiltTool.running(["serve", "--bind", address] + arguments, until: socket) { try body($0, address) }
  }

  /// The address of a local socket holds about 100 bytes; a deep temporary folder would not fit.
  private func socket() -> URL { URL(filePath: "/tmp/uio2-serve-\(UUID().uuidString.prefix(8))") }

  /// A grey picture of every camera, and the middle of every range.
  private func observation(_ sequence: UInt64, _ capabilities: Capabilities) -> Observation {
    Observation(
      sequence: sequence, capturedAt: MonotonicClock.nanoseconds(),
      frames: capabilities.cameras.map { camera in
        let pixels = [UInt8](repeating: UInt8(truncatingIfNeeded: sequence), count: camera.width * camera.height * 3)
        return CameraFrame(
          camera: camera.name, encoding: .rgb8, width: camera.width, height: camera.height, data: pixels)
      },
      proprioception: capabilities.proprioception.map { ($0.minimum + $0.maximum) / 2 },
      instruction: capabilities.instructions.first ?? "Push the drawer until it is closed.")
  }

  /// Asks until there are commands: a busy machine may be late now and then.
  private func fly(_ robot: RobotClient, from sequence: inout UInt64, _ capabilities: Capabilities) throws
    -> ActionChunk
  {
    for _ in 0..<100 {
      sequence += 1
      do throws(ClientError) { return try robot.act(on: observation(sequence, capabilities)) } catch {
        switch error {
        case .late: continue
        case .refused(let refusal) where refusal.code == .staleObservation: continue
        default: throw error
        }
      }
    }
    throw RobotError(.internal, "test", "100 observations without commands")
  }

  @Test func `a start that fails leaves nothing of its recording`() throws {
    try BuiltTool.withFolder { folder in
      let recording = folder.appending(path: "new/folder/a.mcap").path
      let outcome = try BuiltTool.run([
        "serve", "--policy", Self.policy.path, "--bind", "ipc://" + folder.appending(path: "none/socket").path,
        "--record", recording,
      ])
      #expect(outcome.status == 69, "\(outcome.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "new").path))
    }
  }

  @Test func `a recording does not grow in the policy's folder`() throws {
    try BuiltTool.withFolder { folder in
      let link = folder.appending(path: "link")
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: Self.policy)
      for place in [Self.policy.appending(path: "a.mcap"), link.appending(path: "new/a.mcap")] {
        let outcome = try BuiltTool.run(["serve", "--policy", Self.policy.path, "--record", place.path])
        #expect(outcome.status == 74, "\(outcome.errors)")
        #expect(outcome.errors.contains("which this command reads"), "\(outcome.errors)")
      }
    }
  }

  @Test func `a daemon that was frozen gives no commands for what the robot saw before`() throws {
    try serving(["--policy", Self.policy.path], at: socket()) { process, address in
      let robot = try RobotClient(endpoint: address, sessionID: "arm", timeout: .seconds(60))
      let capabilities = try robot.hello(clientName: "test", clientVersion: "")
      let limit = try #require(capabilities.limits.maximumObservationAge)
      var sequence: UInt64 = 0
      let chunk = try fly(robot, from: &sequence, capabilities)
      #expect(chunk.observationAge > 0 && chunk.observationAge <= limit)
      kill(process.processIdentifier, SIGSTOP)
      sequence += 1
      let request = try robot.send(.observation(observation(sequence, capabilities)))
      // Frozen for longer than an observation may be old: this time is what the test is about.
      Thread.sleep(forTimeInterval: Double(limit) / 1e9 + 0.5)
      kill(process.processIdentifier, SIGCONT)
      let reply = try robot.receive()
      #expect(reply.requestID == request)
      guard case .error(let error) = reply.body else {
        Issue.record("commands for an observation of long ago")
        return
      }
      #expect(error.code == .staleObservation, "\(error)")
      _ = try fly(robot, from: &sequence, capabilities)
    }
  }

  @Test func `a daemon with another policy at the same address moves nothing`() throws {
    try BuiltTool.withFolder { folder in
      let other = folder.appending(path: "other")
      try FileManager.default.copyItem(at: Self.policy, to: other)
      let file = other.appending(path: "policy.json")
      let text = try String(contentsOf: file, encoding: .utf8)
      let changed = text.replacing("\"maximum_observation_age_ms\": 500", with: "\"maximum_observation_age_ms\": 499")
      #expect(changed != text)
      try Data(changed.utf8).write(to: file)

      let socket = socket(), address = "ipc://" + socket.path
      let robot = try RobotClient(endpoint: address, sessionID: "arm", timeout: .seconds(60))
      var sequence: UInt64 = 0
      var agreed: Capabilities?
      try serving(["--policy", Self.policy.path], at: socket) { _, _ in
        let capabilities = try robot.hello(clientName: "test", clientVersion: "")
        for _ in 0..<3 { _ = try fly(robot, from: &sequence, capabilities) }
        agreed = capabilities
      }
      let capabilities = try #require(agreed)
      try? FileManager.default.removeItem(at: socket)
      try serving(["--policy", other.path], at: socket) { _, _ in
        for _ in 0..<5 {
          do throws(ClientError) {
            sequence += 1
            _ = try robot.act(on: observation(sequence, capabilities))
            Issue.record("flown on with another policy")
          } catch {
            guard case .policyChanged = error else {
              Issue.record(error)
              return
            }
          }
        }
        let found = try robot.hello(clientName: "test", clientVersion: "")
        #expect(found.policyDigest != capabilities.policyDigest)
        _ = try fly(robot, from: &sequence, found)
      }
    }
  }

  @Test func `the operator's file lets programs of this user resume any session, and goes with the daemon`() throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "operator")
      func token() throws -> [UInt8] {
        let line = try String(contentsOf: file, encoding: .utf8)
        #expect(line.count == 33 && line.hasSuffix("\n"))
        return stride(from: 0, to: 32, by: 2).compactMap { UInt8(line.dropFirst($0).prefix(2), radix: 16) }
      }
      var tokens: [[UInt8]] = [], old = Data()
      for _ in 0..<2 {
        try serving(["--model", Self.model, "--operator", file.path], at: socket()) { process, address in
          // Made once the daemon has its address.
          #expect(waitUntil { (try? Data(contentsOf: file)).map { $0 != old } ?? false })
          let status = try FileManager.default.attributesOfItem(atPath: file.path)
          #expect(status[.posixPermissions] as? Int == 0o600)
          tokens.append(try token())
          let robot = try RobotClient(endpoint: address, sessionID: "arm", timeout: .seconds(60))
          _ = try robot.hello(clientName: "test", clientVersion: "")
          let stranger = try RobotClient(endpoint: address, sessionID: "arm", timeout: .seconds(60))
          #expect(try stranger.stop(reason: "a button"))
          #expect(throws: ClientError.self) { try stranger.resume() }
          let console = try RobotClient(
            endpoint: address, sessionID: "arm", sessionToken: token(), timeout: .seconds(60))
          #expect(try console.resume() == false)
          #expect(try robot.reset() == false)
          process.terminate()
          process.waitUntilExit()
          #expect(process.terminationStatus == 0)
          #expect(!FileManager.default.fileExists(atPath: file.path))
        }
        // What a daemon that crashed has left.
        old = Data((tokens[0].map { String(0x100 + Int($0), radix: 16).dropFirst() }.joined() + "\n").utf8)
        try old.write(to: file)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file.path)
      }
      #expect(tokens.count == 2 && tokens[0] != tokens[1], "each daemon has its own")
    }
  }

  @Test func `a second daemon leaves the operator's file of one that runs, whatever ends it`() throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "operator"), other = "ipc://\(socket().path)"
      try serving(["--model", Self.model, "--operator", file.path], at: socket()) { process, address in
        #expect(waitUntil { FileManager.default.fileExists(atPath: file.path) })
        let token = try Data(contentsOf: file)
        for more in [
          ["--model", Self.model, "--bind", address], ["--model", Self.model, "--bind", other],
          ["--policy", folder.path, "--bind", other],
        ] {
          let outcome = try BuiltTool.run(["serve", "--operator", file.path] + more)
          #expect(outcome.status == 74, "\(outcome)")
          #expect(outcome.errors.contains("holds the token of a daemon that runs"), "\(outcome.errors)")
          #expect(process.isRunning)
          #expect(try Data(contentsOf: file) == token)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["operator"])
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        // What it has left goes when its successor is there, and not when that cannot start.
        let failed = try BuiltTool.run(["serve", "--operator", file.path, "--policy", folder.path, "--bind", other])
        #expect(failed.status == 65, "\(failed)")
        #expect(try Data(contentsOf: file) == token)
        try serving(["--model", Self.model, "--operator", file.path], at: socket()) { _, _ in
          #expect(waitUntil { (try? Data(contentsOf: file)) != token })
        }
      }
    }
  }

  @Test func `a daemon without an address makes no operator's file`() throws {
    try BuiltTool.withFolder { folder in
      let taken = socket()
      try serving(["--model", Self.model], at: taken) { _, address in
        let file = folder.appending(path: "operator")
        let outcome = try BuiltTool.run([
          "serve", "--model", Self.model, "--bind", address, "--operator", file.path,
        ])
        #expect(outcome.status == 69, "\(outcome)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
      }
    }
  }

  @Test func `the operator's file replaces nothing else and does not go with a network`() throws {
    try BuiltTool.withFolder { folder in
      let notes = folder.appending(path: "notes.txt"), link = folder.appending(path: "link")
      try Data("do not lose this\n".utf8).write(to: notes)
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: notes)
      for path in [notes.path, link.path, folder.path, folder.path + "/nowhere/token"] {
        let outcome = try BuiltTool.run([
          "serve", "--model", Self.model, "--operator", path, "--bind", "ipc://\(folder.path)/s",
        ])
        #expect(outcome.status == 74, "\(outcome)")
        #expect(outcome.errors.contains("--operator: "))
      }
      #expect(try String(contentsOf: notes, encoding: .utf8) == "do not lose this\n")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["link", "notes.txt"])
      for address in ["tcp://0.0.0.0:5555", "tcp://*:5555", "tcp://10.0.0.5:5555"] {
        let outcome = try BuiltTool.run([
          "serve", "--model", Self.model, "--operator", folder.appending(path: "t").path, "--bind", address,
          "--insecure",
        ])
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains("--operator needs a loopback or ipc address"))
      }
    }
  }
}
