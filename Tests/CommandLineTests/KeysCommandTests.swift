import AccessKeys
import Foundation
import RobotInterface
import RobotLink
import TestSupport
import Testing

/// `uio2 keys`, and `uio2 serve --keys` as a process.
@Suite("Keys on the command line") struct KeysCommandTests {
  private static let model = "Tests/UnifiedIOTests/Fixtures/tiny-a"

  @Test func `keys are made, listed and shown`() throws {
    try withTemporaryFolder { place in
      let keys = place.appending(path: "keys").path
      let made = try BuiltTool.run(["keys", "new", "arm", "--directory", keys])
      #expect(made.status == 0 && made.output.contains("\(keys)/arm.key_secret"))
      #expect(try BuiltTool.run(["keys", "new", "ann", "--role", "operator", "--directory", keys]).status == 0)
      let list = try BuiltTool.run(["keys", "list", "--directory", keys])
      #expect(list.status == 0)
      #expect(list.output.contains("arm") && list.output.contains("operator"))
      #expect(!list.output.contains("daemon"))
      let token = try BuiltTool.run(["keys", "token", "\(keys)/arm.key_secret"])
      #expect(token.output == (try ClientKey.token(of: "\(keys)/arm.key_secret")) + "\n")
      let again = try BuiltTool.run(["keys", "new", "arm", "--directory", keys])
      #expect(again.status == 65 && again.errors.contains("exists"))
      #expect(try BuiltTool.run(["keys", "new", "arm", "--role", "king", "--directory", keys]).status == 64)
    }
  }

  @Test func `a daemon does not start with keys that others can read or change, and says which`() throws {
    try withTemporaryFolder { place in
      let keys = place.appending(path: "keys").path, secret = "\(keys)/daemon.key_secret"
      let serve = ["serve", "--model", Self.model, "--bind", "ipc://\(place.path)/s", "--keys", keys]
      let missing = try BuiltTool.run(serve)
      #expect(missing.status == 65 && missing.errors.contains("--keys: \(keys)"))
      #expect(try BuiltTool.run(["keys", "new", "arm", "--directory", keys]).status == 0)
      #expect(chmod(secret, 0o644) == 0)
      let open = try BuiltTool.run(serve)
      #expect(open.status == 65 && open.errors.contains("\(secret): mode 0644"))
      #expect(try BuiltTool.run(["keys", "list", "--directory", keys]).status == 65)
    }
  }

  @Test(arguments: [
    (["serve", "--bind", "tcp://0.0.0.0:5555"], "--keys"), (["serve", "--insecure", "--keys", "k"], "--insecure"),
    (["ask", "--prompt", "x", "--server-key", "f"], "--server-key goes with --key"),
    (["doctor", "--key", "f"], "--key goes with --daemon"),
    (["rollout", "--env", "metaworld:push-v3", "--key", "f"], "--key goes with --daemon"),
  ])
  func `wrong usage of keys is named`(arguments: [String], said: String) throws {
    let outcome = try BuiltTool.run(arguments)
    #expect(outcome.status == 64 && outcome.errors.contains(said), "\(outcome.errors)")
  }

  @Test func `a daemon takes as many addresses as are named`() throws {
    let outcome = try BuiltTool.run([
      "serve", "--model", "/nowhere", "--listen", "tcp://127.0.0.1:*", "--listen", "http://127.0.0.1:*",
    ])
    #expect(outcome.status == 65 && outcome.errors.contains("/nowhere"), "\(outcome.errors)")
  }

  @Test func `SIGHUP lets new keys in and takes old ones away, and ends nothing`() throws {
    try withTemporaryFolder { place in
      let folder = KeyFolder(path: place.appending(path: "keys").path)
      try folder.make("ann", .operator)
      let socket = URL(filePath: "/tmp/uio2-keys-\(UUID().uuidString.prefix(8))")
      let address = "ipc://\(socket.path)"
      let tool = try LiveTool(
        ["serve", "--model", Self.model, "--bind", address, "--keys", folder.path],
        in: place)
      #expect(waitUntil { tool.said.contains(" ready ") }, "\(tool.said)")
      let ann = try ClientKey(path: folder.privateFile("ann"))
      func client(_ key: ClientKey, _ session: String) throws -> RobotClient {
        try RobotClient(endpoint: address, sessionID: session, key: key, timeout: .seconds(20))
      }
      let first = try client(ann, "first")
      _ = try first.hello(clientName: "test", clientVersion: "")

      let asked = try BuiltTool.run(
        ["ask", "--daemon", address, "--key", folder.privateFile("ann"), "--prompt", "x", "--max-tokens", "2"])
      #expect(asked.status == 0, "\(asked.errors)")
      let bare = try BuiltTool.run(["ask", "--daemon", address, "--prompt", "x"])
      #expect(bare.status == 69 && bare.errors.contains("asks for a key"))
      #expect(waitUntil { tool.said.contains("without a key") })

      try folder.make("arm", .robot)
      let arm = try ClientKey(path: folder.privateFile("arm"))
      tool.send(SIGHUP)
      #expect(waitUntil { tool.said.contains("keys were looked at again keys=2") }, "\(tool.said)")
      let second = try client(arm, "second")
      _ = try second.hello(clientName: "test", clientVersion: "")
      #expect(second.isOwner)
      let question = try BuiltTool.run(
        ["ask", "--daemon", address, "--key", folder.privateFile("arm"), "--prompt", "x"])
      #expect(question.status == 65 && question.errors.contains("takes an operator's key"))

      try FileManager.default.removeItem(atPath: folder.publicFile("ann"))
      tool.send(SIGHUP)
      #expect(waitUntil { tool.said.contains("keys were looked at again keys=1") })
      #expect(waitUntil { tool.said.contains("stop latched") && tool.said.contains("session=first") }, "\(tool.said)")
      #expect(throws: ClientError.self) { try first.hello(clientName: "", clientVersion: "") }
      _ = try second.hello(clientName: "", clientVersion: "")
      tool.send(SIGTERM)
      #expect(tool.status() == 0)
    }
  }
}
