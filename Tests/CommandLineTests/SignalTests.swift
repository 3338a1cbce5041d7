import Foundation
import ProtobufCodec
import RobotInterface
import RobotLink
import Testing
import ZeroMQTransport

/// Signals, logs that nobody reads, and children that must not be left behind.
@Suite struct SignalTests {
  private static let model = "Tests/UnifiedIOTests/Fixtures/tiny-a"
  private static let python = BuiltTool.repository.appending(path: ".venv/bin/python").path
  private static let hasPython = FileManager.default.isExecutableFile(atPath: python)

  /// A daemon that serves the golden checkpoint, once it answers.
  private func withDaemon(
    _ more: [String] = [], standardError: FileHandle? = nil, _ body: (LiveTool, String) throws -> Void
  ) throws {
    // The address of a local socket holds about 100 bytes; a deep temporary folder would not fit.
    let socket = "/tmp/uio2-signal-\(UUID().uuidString.prefix(8))"
    defer { unlink(socket) }
    try BuiltTool.withFolder { folder in
      let tool = try LiveTool(
        ["serve", "--model", Self.model, "--bind", "ipc://" + socket] + more, in: folder, standardError: standardError)
      try #require(waitUntil { FileManager.default.fileExists(atPath: socket) || !tool.process.isRunning })
      let client = try RobotClient(endpoint: "ipc://" + socket, sessionID: "first", timeout: .seconds(30))
      _ = try client.hello(clientName: "test", clientVersion: "1")
      try body(tool, "ipc://" + socket)
    }
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP, SIGQUIT])
  func `a signal ends a daemon cleanly, and who waits is told`(signal: Int32) throws {
    try withDaemon { tool, address in
      let client = try RobotClient(endpoint: address, sessionID: "asker", timeout: .seconds(60))
      // Sixteen beams of many tokens: it would be answered long after the signal.
      _ = try client.send(
        .generate(GenerationRequest(prompt: "x", maximumTokens: 60_000, beams: 16, progressInterval: 1_000_000)))
      var reply = try client.receive()
      guard case .progress = reply.body else {
        Issue.record("expected progress, found \(reply.body)")
        return
      }
      tool.send(signal)
      while case .progress = reply.body { reply = try client.receive() }
      guard case .error(let error) = reply.body else {
        Issue.record("expected an error, found \(reply.body)")
        return
      }
      #expect(error.code == .shuttingDown)
      #expect(tool.status() == 0)
    }
  }

  @Test(arguments: [SIGTERM, SIGQUIT]) func `a daemon that warms up ends as cleanly, and its token goes`(
    signal: Int32
  ) throws {
    try BuiltTool.withFolder { folder in
      let token = folder.appending(path: "operator").path
      let tool = try LiveTool(
        ["serve", "--bind", "ipc://\(folder.path)/s", "--operator", token], in: folder)
      #expect(waitUntil { FileManager.default.fileExists(atPath: token) || !tool.process.isRunning })
      tool.send(signal)
      #expect(tool.status() == 0)
      #expect(!FileManager.default.fileExists(atPath: token))
    }
  }

  /// Before a daemon watches for signals itself, too: the moment is a short one, so many daemons are asked.
  @Test func `a daemon that has hardly begun ends with 0 as well`() throws {
    try BuiltTool.withFolder { folder in
      for _ in 0..<20 {
        let tool = try LiveTool(["serve", "--model", Self.model, "--bind", "ipc://\(folder.path)/s"], in: folder)
        let number = tool.process.processIdentifier
        while !catches(SIGTERM, number), tool.process.isRunning {}
        tool.send(SIGTERM)
        #expect(tool.status() == 0)
      }
    }
  }

  /// Whether a process has a handler for a signal.
  private func catches(_ signal: Int32, _ number: pid_t) -> Bool {
    let status = (try? String(contentsOfFile: "/proc/\(number)/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("SigCgt:") } ?? ""
    return (UInt64(line.dropFirst(7).drop { $0 == "\t" }, radix: 16) ?? 0) & (1 << UInt64(signal - 1)) != 0
  }

  @Test func `two signals end the writing of a checkpoint, and nothing of it stays`() throws {
    try BuiltTool.withFolder { folder in
      let target = folder.appending(path: "large")
      let tool = try LiveTool(["synthesize", "--size", "large", target.path], in: folder)
      func names() -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: target.path)) ?? [] }
      #expect(waitUntil { !names().isEmpty || !tool.process.isRunning })
      for _ in 0..<2 { tool.send(SIGTERM) }
      #expect(tool.status() == 143)
      #expect(names().isEmpty)
    }
  }

  @Test func `an asker notices a daemon that ends between its greeting and the question`() throws {
    let path = "/tmp/uio2-ends-\(UUID().uuidString.prefix(8))"
    defer { unlink(path) }
    try BuiltTool.withFolder { folder in
      var router: RouterSocket? = try RouterSocket(endpoint: "ipc://" + path)
      let ask = try LiveTool(["ask", "--daemon", "ipc://" + path, "--prompt", "x"], in: folder)
      guard case .message(let route, let bytes)? = try router?.receive(timeout: .seconds(30)) else {
        Issue.record("no greeting")
        return
      }
      let request = try RequestMessage(decoding: bytes)
      let nothing = Capabilities(
        policyName: "gone", policyDigest: "", serverVersion: "1", cameras: [], proprioception: [], actions: [],
        actionFrame: "", actionMode: nil, hold: nil, chunkLength: 0, controlRate: 0, limits: .init())
      let reply = ReplyMessage(
        requestID: request.requestID, sessionID: request.sessionID, body: .capabilities(nothing))
      _ = try router?.deliver(try reply.encoded(), to: route)
      router = nil
      let begin = ContinuousClock.now
      #expect(ask.status() == 69)
      #expect(ContinuousClock.now - begin < .seconds(30), "its time-out is two minutes")
    }
  }

  @Test func `a daemon that was started with nohup stays`() throws {
    try BuiltTool.withFolder { folder in
      let socket = "/tmp/uio2-nohup-\(UUID().uuidString.prefix(8))"
      defer { unlink(socket) }
      let tool = try BuiltTool.location().path
      let script = "trap '' HUP; exec '\(tool)' serve --model '\(Self.model)' --bind 'ipc://\(socket)'"
      let shell = Process()
      shell.executableURL = URL(filePath: "/bin/sh")
      shell.arguments = ["-c", script]
      shell.currentDirectoryURL = BuiltTool.repository
      shell.standardError = FileHandle.nullDevice
      try shell.run()
      defer {
        shell.terminate()
        shell.waitUntilExit()
      }
      try #require(waitUntil { FileManager.default.fileExists(atPath: socket) || !shell.isRunning })
      kill(shell.processIdentifier, SIGHUP)
      let client = try RobotClient(endpoint: "ipc://" + socket, sessionID: "a", timeout: .seconds(30))
      _ = try client.hello(clientName: "test", clientVersion: "1")
      #expect(shell.isRunning)
    }
  }

  @Test(arguments: [true, false])
  func `a log that nobody reads holds nobody up`(isClosed: Bool) throws {
    let pipe = Pipe()
    try withDaemon(["--log-level", "trace"], standardError: pipe.fileHandleForWriting) { tool, address in
      if isClosed { try pipe.fileHandleForReading.close() }
      let client = try RobotClient(endpoint: address, sessionID: "arm", timeout: .seconds(30))
      _ = try client.hello(clientName: "test", clientVersion: "1")
      // Each stop is a line of some kilobytes: far more than a pipe holds.
      for _ in 0..<300 {
        #expect(try client.stop(reason: String(repeating: "\u{1b}", count: 1000)))
        #expect(try !client.resume())
      }
      tool.send(SIGTERM)
      #expect(tool.status() == 0)
    }
  }

  @Test func `a session cannot forge a line of the log`() throws {
    try withDaemon { tool, address in
      let forged = "x stop cleared session=arm"
      let client = try RobotClient(endpoint: address, sessionID: forged, timeout: .seconds(30))
      _ = try client.stop(reason: "\u{1b}[2J\n2025-11-30T00:00:00.000Z notice uio2: stop cleared session=arm")
      #expect(waitUntil { tool.said.contains("stop latched") })
      #expect(!tool.said.contains("\n2025-11-30T00:00:00.000Z") && !tool.said.contains("\u{1b}"))
      #expect(tool.said.contains(#"reason="\u{1b}[2J\n2025-11-30T00:00:00.000Z notice"#))
      #expect(tool.said.contains(#"session="x stop cleared session=arm""#))
      tool.send(SIGTERM)
      #expect(tool.status() == 0)
    }
  }

  @Test func `an asker notices that its daemon was killed`() throws {
    try withDaemon { tool, address in
      try BuiltTool.withFolder { folder in
        let ask = try LiveTool(
          ["ask", "--daemon", address, "--prompt", "x", "--beams", "16", "--max-tokens", "60000"], in: folder)
        // Its question has arrived when the daemon computes: before, it had next to nothing to do.
        let before = processorTime(of: tool.process.processIdentifier)
        #expect(waitUntil { processorTime(of: tool.process.processIdentifier) > before + 20 })
        let begin = ContinuousClock.now
        tool.send(SIGKILL)
        #expect(ask.status() == 69)
        #expect(ask.said.contains("the daemon closed the connection before its answer"))
        #expect(ContinuousClock.now - begin < .seconds(20), "its time-out is two minutes")
      }
    }
  }

  /// Hundredths of a second that a process has computed.
  private func processorTime(of number: pid_t) -> Int {
    let text = (try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8)) ?? ""
    let fields = (text.split(separator: ")").last ?? "").split(separator: " ")
    return fields.count > 12 ? (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0) : 0
  }

  // MARK: Children

  /// A rollout whose simulator is a script that tells its number in `folder`.
  private func rollout(in folder: URL, _ script: String) throws -> (LiveTool, robot: pid_t) {
    let file = folder.appending(path: "number").path
    let python = try BuiltTool.script("echo $$ > '\(file).new'; mv '\(file).new' '\(file)'\n" + script, in: folder)
    let tool = try LiveTool(
      ["rollout", "--env", "metaworld:a", "--daemon", "ipc:///nowhere", "--python", python], in: folder)
    #expect(waitUntil { FileManager.default.fileExists(atPath: file) })
    let text = try String(contentsOfFile: file, encoding: .utf8)
    return (tool, try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines))))
  }

  @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143)), (SIGHUP, Int32(129)), (SIGQUIT, Int32(131))])
  func `a signal ends a rollout with its simulator`(signal: Int32, expected: Int32) throws {
    try BuiltTool.withFolder { folder in
      let (tool, robot) = try rollout(in: folder, "trap 'exit 130' INT TERM; while :; do sleep 0.02; done")
      tool.send(signal)
      #expect(tool.status() == expected)
      #expect(!isRunning(robot))
      #expect(tool.said == "uio2: ended by \(name(signal)) after 0 of 10 episodes\n")
    }
  }

  private func name(_ signal: Int32) -> String {
    switch signal {
    case SIGINT: "SIGINT"
    case SIGTERM: "SIGTERM"
    case SIGHUP: "SIGHUP"
    default: "SIGQUIT"
    }
  }

  @Test func `no temporary folder stays, and what a killed process left goes with the next start`() throws {
    // Short, because it holds the address of a socket.
    let temporary = "/tmp/uio2-t-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: temporary) }
    func left() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: temporary) }
    try BuiltTool.withFolder { folder in
      let python = try BuiltTool.script("trap 'exit 130' INT TERM; while read line; do :; done", in: folder)
      for signal in [SIGTERM, SIGKILL, SIGQUIT] {
        let tool = try LiveTool(
          ["rollout", "--env", "metaworld:a", "--python", python], in: folder, environment: ["TMPDIR": temporary])
        // The folder of this process; that of one before it has gone by then.
        #expect(waitUntil { children(of: tool.process.processIdentifier).count == 1 })
        #expect(try left().count == 1)
        tool.send(signal)
        _ = tool.status()
        #expect(try left().count == (signal == SIGKILL ? 1 : 0))
      }
    }
  }

  @Test func `a simulator learns that its rollout was killed`() throws {
    try BuiltTool.withFolder { folder in
      // What the lifeline promises to any program: its input ends.
      let (tool, robot) = try rollout(in: folder, "while read line; do :; done; exit 0")
      #expect(isRunning(robot))
      tool.send(SIGKILL)
      #expect(waitUntil { !isRunning(robot) })
    }
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/setpriv")))
  func `a program that reads a film ends with a command that was killed`() throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "number").path, program = folder.appending(path: "ffprobe")
      let script = "#!/bin/sh\necho $$ > '\(file).new'; mv '\(file).new' '\(file)'; exec sleep 1000\n"
      try Data(script.utf8).write(to: program)
      chmod(program.path, 0o755)
      let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
      let tool = try LiveTool(
        ["generate", "--model", Self.model, "--prompt", "x", "--video", "Package.swift"], in: folder,
        environment: ["PATH": folder.path + ":" + path])
      #expect(waitUntil { FileManager.default.fileExists(atPath: file) })
      let text = try String(contentsOfFile: file, encoding: .utf8)
      let number = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
      tool.send(SIGKILL)
      #expect(waitUntil { !isRunning(number) })
    }
  }

  @Test(.enabled(if: hasPython)) func `the simulated robot ends with a rollout that was killed`() throws {
    try BuiltTool.withFolder { folder in
      // It waits half a minute for a daemon that is not there.
      let tool = try LiveTool(
        ["rollout", "--env", "toy:reach-red", "--daemon", "ipc:///nowhere", "--python", Self.python], in: folder)
      var robot: pid_t?
      #expect(
        waitUntil {
          robot = children(of: tool.process.processIdentifier).first
          // Its modules are loaded: it has opened sockets.
          return robot.map { sockets(of: $0) > 0 } ?? false
        })
      let number = try #require(robot)
      tool.send(SIGKILL)
      let begin = ContinuousClock.now
      #expect(waitUntil { !isRunning(number) })
      #expect(ContinuousClock.now - begin < .seconds(10))
    }
  }

  @Test(.enabled(if: hasPython)) func `neither the working folder nor PYTHONPATH flies`() throws {
    try BuiltTool.withFolder { folder in
      let marker = folder.appending(path: "imported").path
      for name in ["numpy", "uio2_envs", "uio2_client", "zmq"] {
        let package = folder.appending(path: name)
        try FileManager.default.createDirectory(at: package, withIntermediateDirectories: true)
        try Data("open(\(marker.debugDescription), 'w')".utf8).write(to: package.appending(path: "__init__.py"))
      }
      let process = Process()
      process.executableURL = try BuiltTool.location()
      process.arguments = ["rollout", "--env", "toy:fly", "--daemon", "ipc:///nowhere", "--python", Self.python]
      process.currentDirectoryURL = folder
      process.environment = ProcessInfo.processInfo.environment.merging(["PYTHONPATH": folder.path]) { _, new in new }
      process.standardError = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationStatus == 64, "the robot itself says that there is no such task")
      #expect(!FileManager.default.fileExists(atPath: marker))
      let asked = try BuiltTool.run([
        "rollout", "--env", "toy:fly", "--daemon", "ipc:///nowhere", "--python", Self.python, "--python-path",
        folder.path,
      ])
      #expect(asked.status != 64, "asked for, they fly")
      #expect(FileManager.default.fileExists(atPath: marker))
    }
  }

  private func children(of parent: pid_t) -> [pid_t] {
    let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(parent)/task")) ?? []
    return tasks.flatMap { task in
      let text = (try? String(contentsOfFile: "/proc/\(parent)/task/\(task)/children", encoding: .utf8)) ?? ""
      return text.split(separator: " ").compactMap { pid_t($0) }
    }
  }

  private func sockets(of number: pid_t) -> Int {
    let folder = "/proc/\(number)/fd"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.count {
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)"))?.hasPrefix("anon_inode") == true
    }
  }
}
