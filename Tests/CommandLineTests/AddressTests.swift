import Foundation
import Testing

@Suite("Addresses of serve, ask and rollout") struct AddressTests {
  private static let model = "Tests/UnifiedIOTests/Fixtures/tiny-a"

  /// Gives `body` a path for a socket, in a folder that is removed afterwards.
  private func withSocket(_ body: (URL) throws -> Void) throws {
    // A socket's path holds about 100 bytes; a deep temporary folder would not fit.
    let folder = URL(filePath: "/tmp/uio2-address-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.appending(path: "d.sock"))
  }

  private func serve(_ arguments: [String]) throws -> BuiltTool.Outcome {
    try BuiltTool.run(["serve", "--model", Self.model, "--log-level", "error"] + arguments)
  }

  private func ask(_ socket: URL) throws -> BuiltTool.Outcome {
    try BuiltTool.run(["ask", "--daemon", "ipc://" + socket.path, "--prompt", "x", "--max-tokens", "1"])
  }

  /// Before anything is loaded: there is no such policy.
  @Test(arguments: [
    "tcp://127.0.0.1:99999", "tcp://127.0.0.1:-1", "tcp://127.0.0.1:0", "inproc://x", "ws://127.0.0.1:80", "pgm://x:1",
    "ipc://@abstract", "nonsense", "",
  ])
  func `what is no address is wrong usage`(address: String) throws {
    for arguments in [
      ["serve", "--policy", "/no/such/folder", "--bind", address],
      ["ask", "--prompt", "x", "--daemon", address],
      ["rollout", "--env", "metaworld:push-v3", "--daemon", address],
    ] {
      let outcome = try BuiltTool.run(arguments)
      #expect(outcome.status == 64, "\(arguments)")
      #expect(
        outcome.errors.hasPrefix("Error: --\(arguments[0] == "serve" ? "bind" : "daemon"): "), "\(outcome.errors)")
    }
  }

  @Test(arguments: ["tcp://*:5555", "tcp://0.0.0.0:5555", "tcp://[::]:5555", "tcp://10.0.0.1:5555"])
  func `other machines only where that is meant`(address: String) throws {
    let outcome = try BuiltTool.run(["serve", "--policy", "/no/such/folder", "--bind", address])
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("--insecure"))
    // With it, the next thing is the policy.
    #expect(
      try BuiltTool.run(["serve", "--policy", "/no/such/folder", "--bind", address, "--insecure"]).status == 65)
  }

  @Test func `a file that is no socket stays as it is`() throws {
    try withSocket { file in
      try Data("notes".utf8).write(to: file)
      let outcome = try serve(["--bind", "ipc://" + file.path])
      #expect(outcome.status == 69)
      #expect(outcome.errors.contains("exists and is not a socket"), "\(outcome.errors)")
      #expect(try String(contentsOf: file, encoding: .utf8) == "notes")
    }
  }

  @Test func `a second daemon does not take the address over`() throws {
    try withSocket { socket in
      let address = "ipc://" + socket.path
      try BuiltTool.running(["serve", "--model", Self.model, "--bind", address], until: socket) { _ in
        let second = try serve(["--bind", address])
        #expect(second.status == 69)
        #expect(
          second.errors
            == "uio2: \(address): in use: another daemon listens there; stop it, or choose another address\n")
        #expect(try ask(socket).status == 0)
      }
      // It has ended cleanly.
      #expect(try FileManager.default.contentsOfDirectory(atPath: socket.deletingLastPathComponent().path) == [])
    }
  }

  @Test(arguments: ["socket", "folder", "operator"])
  func `a daemon that nobody finds any more ends and says so`(what: String) throws {
    try withSocket { socket in
      let folder = socket.deletingLastPathComponent(), token = folder.appending(path: "operator")
      try BuiltTool.withFolder { streams in
        let tool = try LiveTool(
          ["serve", "--model", Self.model, "--bind", "ipc://" + socket.path, "--operator", token.path], in: streams)
        #expect(waitUntil { tool.said.contains(" ready") }, "\(tool.said)")
        switch what {
        case "folder":
          let moved = URL(filePath: folder.path + "-moved")
          try FileManager.default.moveItem(at: folder, to: moved)
          #expect(tool.status() == 69)
          try FileManager.default.moveItem(at: moved, to: folder)
        case "operator":
          try FileManager.default.removeItem(at: token)
          #expect(tool.status() == 69)
          #expect(tool.said.contains("--operator"))
        default:
          for path in [socket.path, socket.path + ".lock"] { try FileManager.default.removeItem(atPath: path) }
          #expect(tool.status() == 69)
        }
        #expect(tool.said.contains("start it again"), "\(tool.said)")
      }
    }
  }

  @Test func `what a killed daemon left is replaced`() throws {
    try withSocket { socket in
      let arguments = ["serve", "--model", Self.model, "--bind", "ipc://" + socket.path]
      try BuiltTool.running(arguments, until: socket) { process in
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
      }
      #expect(FileManager.default.fileExists(atPath: socket.path))
      let second = Process()
      second.executableURL = try BuiltTool.location()
      second.currentDirectoryURL = BuiltTool.repository
      second.arguments = arguments
      second.standardError = FileHandle.nullDevice
      try second.run()
      defer {
        second.terminate()
        second.waitUntilExit()
      }
      let deadline = ContinuousClock.now + .seconds(20)
      while try ask(socket).status != 0 { try #require(ContinuousClock.now < deadline) }
      #expect(second.isRunning)
    }
  }

  @Test func `a daemon above its ceiling ends with a code that asks for another start`() throws {
    try withSocket { socket in
      let outcome = try serve(["--bind", "ipc://" + socket.path, "--memory-ceiling", "1"])
      #expect(outcome.status == 75)
      #expect(outcome.errors.contains("more than its ceiling of 1 MiB"), "\(outcome.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: socket.deletingLastPathComponent().path) == [])
    }
  }

  @Test(arguments: [["--max-message", "0"], ["--max-message", "2000"], ["--memory-ceiling", "0"]])
  func `sizes have ranges`(arguments: [String]) throws {
    #expect(try BuiltTool.run(["serve", "--policy", "/no/such/folder"] + arguments).status == 64)
  }
}
