import AccessKeys
import Foundation
import RobotInterface
import TestSupport
import Testing

@Suite("A folder of keys says who may command, and is believed only while nobody else can change it")
struct KeyFolderTests {
  private func folder(_ body: (KeyFolder) throws -> Void) throws {
    try withTemporaryFolder { try body(KeyFolder(path: $0.appending(path: "keys").path)) }
  }

  private func mode(_ path: String) throws -> Int {
    try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
  }

  private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  private func failure<Value>(_ body: () throws(RobotError) -> Value) -> RobotError? {
    do throws(RobotError) {
      _ = try body()
      Issue.record("not refused")
      return nil
    } catch {
      return error
    }
  }

  @Test func `a key is a private file for this user, and a public one that stays`() throws {
    try folder { folder in
      try folder.make("arm-1", .robot)
      try folder.make("ann", .operator)
      #expect(try mode(folder.path) == 0o700)
      for name in ["arm-1", "ann", "daemon"] {
        #expect(try mode(folder.privateFile(name)) == 0o600)
        #expect(try mode(folder.publicFile(name)) == 0o644)
        #expect(try !text(folder.publicFile(name)).contains("secret-key"))
      }
      let ring = try KeyRing(folder)
      #expect(
        ring.holders.map(\.identity) == [.init(name: "ann", role: .operator), .init(name: "arm-1", role: .robot)])
      let key = try ClientKey(path: folder.privateFile("arm-1"))
      #expect(key.daemon == ring.daemonPair.publicKey)
      #expect(ring.holder(ofKey: key.pair.publicKey.text) == PeerIdentity(name: "arm-1", role: .robot))
      #expect("\(key.pair)".contains(key.pair.publicKey.text))
      #expect(try !text(folder.privateFile("arm-1")).isEmpty)
    }
  }

  @Test func `a token lets its holder in, and lies nowhere but in the private file`() throws {
    try folder { folder in
      try folder.make("arm", .robot)
      let token = try ClientKey.token(of: folder.privateFile("arm")), ring = try KeyRing(folder)
      #expect(token.count == 64)
      #expect(try !text(folder.publicFile("arm")).contains(token))
      let answer = { (header: String?) in ring.holder(authorization: header) }
      let basic = { (text: String) in "Basic " + Data(text.utf8).base64EncodedString() }
      for header in [
        "Bearer \(token)", "bearer  \(token)", "Api-Key \(token)", basic("me:\(token)"), basic(":\(token)"),
      ] {
        #expect(try answer(header).get().identity.name == "arm")
      }
      for (header, refusal) in [
        (nil, KeyRing.Refusal.noToken), ("", .noToken), (token, .noToken), (basic(token), .noToken),
        ("Basic :", .noToken), (basic("\(token):"), .unknownToken), (basic("me:\(token.dropLast())"), .unknownToken),
        ("Bearer \(token) \(token)", .noToken), ("Bearer \(token.dropLast())", .unknownToken),
        ("Bearer " + String(repeating: "0", count: 64), .unknownToken),
      ] {
        guard case .failure(let rejection) = answer(header) else {
          Issue.record("let in: \(header ?? "nothing")")
          continue
        }
        #expect(rejection.refusal == refusal, "\(header ?? "nothing")")
      }
    }
  }

  @Test(arguments: [
    ("daemon.key_secret", 0o640, "mode 0640"), ("daemon.key_secret", 0o604, "mode 0604"),
    ("arm.key_secret", 0o644, "mode 0644"), ("arm.key", 0o664, "mode 0664"), ("arm.key", 0o646, "mode 0646"),
    ("", 0o770, "mode 0770"), ("", 0o707, "mode 0707"),
  ])
  func `a file that others can read or change is refused with its path and mode`(file: String, mode: Int, said: String)
    throws
  {
    try folder { folder in
      try folder.make("arm", .robot)
      let path = file.isEmpty ? folder.path : URL(filePath: folder.path).appending(path: file).path
      #expect(chmod(path, mode_t(mode)) == 0)
      let error = try #require(failure { () throws(RobotError) in try KeyRing(folder) })
      #expect(error.subject == path)
      #expect(error.message.contains(said), "\(error)")
    }
  }

  @Test func `a client refuses a private key that others can read, or that is broken`() throws {
    try folder { folder in
      try folder.make("arm", .robot)
      let path = folder.privateFile("arm"), whole = try text(folder.privateFile("arm"))
      #expect(chmod(path, 0o640) == 0)
      #expect(failure { () throws(RobotError) in try ClientKey(path: path) }?.message.contains("mode 0640") == true)
      let open = try #require(whole.split(separator: "\n").first { $0.contains("public-key") })
      let other = try CurveKeyPair().publicKey.text
      for (broken, said) in [
        (whole.replacing("secret-key", with: "secret"), "secret-key is missing"),
        (whole.replacing(open, with: "    public-key = \"\(other)\""), "does not belong"),
        (whole + "    public-key = \"\(other)\"\n", "there twice"),
        (whole.replacing("daemon-key", with: "other-key"), "names no daemon"),
        ("", "secret-key is missing"),
      ] {
        try broken.write(toFile: path, atomically: false, encoding: .utf8)
        #expect(chmod(path, 0o600) == 0)
        let error = failure { () throws(RobotError) in try ClientKey(path: path) }
        #expect(error?.message.contains(said) == true, "\(error.map { "\($0)" } ?? "")")
      }
    }
  }

  @Test(arguments: ["", ".hidden", "-x", "a/b", "a b", "ä", "daemon", String(repeating: "a", count: 65)])
  func `a name that is none, or the daemon's, makes no key`(name: String) throws {
    try folder { folder in
      #expect(failure { () throws(RobotError) in try folder.make(name, .robot) }?.code == .malformed)
      #expect(!FileManager.default.fileExists(atPath: folder.path))
    }
  }

  @Test func `a key that exists stays as it is`() throws {
    try folder { folder in
      try folder.make("arm", .robot)
      let before = try text(folder.privateFile("arm"))
      #expect(
        failure { () throws(RobotError) in try folder.make("arm", .operator) }?.message.contains("exists") == true)
      #expect(try text(folder.privateFile("arm")) == before)
      try FileManager.default.removeItem(atPath: folder.publicFile("arm"))
      #expect(failure { () throws(RobotError) in try folder.make("arm", .robot) }?.message.contains("exists") == true)
    }
  }

  @Test func `another look lets new keys in, and tells which are gone or exchanged`() throws {
    try folder { folder in
      for name in ["a", "b", "c"] { try folder.make(name, .robot) }
      let ring = try KeyRing(folder), old = try ClientKey(path: folder.privateFile("b")).pair.publicKey.text
      let generation = ring.generation
      for name in ["a", "b"] {
        for file in [folder.publicFile(name), folder.privateFile(name)] {
          try FileManager.default.removeItem(atPath: file)
        }
      }
      try folder.make("b", .robot)
      try folder.make("d", .operator)
      let change = ring.reload()
      #expect(change.removed == ["a", "b"])
      #expect(change.problems.isEmpty && change.count == 3)
      #expect(ring.holders.map(\.identity.name) == ["b", "c", "d"])
      #expect(ring.holder(ofKey: old) == nil)
      #expect(ring.generation != generation)
    }
  }

  @Test func `what is not in order is let in no more, and a folder that others can change lets nobody in`() throws {
    try folder { folder in
      for name in ["a", "b", "c"] { try folder.make(name, .robot) }
      let ring = try KeyRing(folder)
      #expect(chmod(folder.privateFile("a"), 0o644) == 0)
      try "metadata\n    role = \"king\"\n".write(toFile: folder.publicFile("b"), atomically: false, encoding: .utf8)
      var change = ring.reload()
      #expect(change.removed == ["a", "b"])
      #expect(change.problems.map(\.subject) == [folder.privateFile("a"), folder.publicFile("b")])
      #expect(chmod(folder.path, 0o777) == 0)
      change = ring.reload()
      #expect(change.removed == ["c"] && change.count == 0)
      #expect(change.problems.map(\.subject) == [folder.path])
    }
  }

  @Test func `two names with one key are nobody's`() throws {
    try folder { folder in
      for name in ["a", "b"] { try folder.make(name, .robot) }
      let ring = try KeyRing(folder)
      try text(folder.publicFile("a")).replacing("\"a\"", with: "\"b\"")
        .write(toFile: folder.publicFile("b"), atomically: false, encoding: .utf8)
      #expect(ring.reload().removed == ["a", "b"])
    }
  }

  @Test func `files with random damage are read or refused`() throws {
    try folder { folder in
      try folder.make("arm", .operator)
      let path = folder.publicFile("arm"), whole = Array(try text(path).utf8)
      var generator = SeededGenerator(seed: 18)
      var read = 0, refused = 0
      for _ in 0..<400 {
        var bytes = whole
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
          bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
        }
        try Data(bytes).write(to: URL(filePath: path))
        do throws(RobotError) { refused += try folder.holders().problems.count } catch { refused += 1 }
        read += (try? folder.holders().holders.count) ?? 0
      }
      #expect(read > 0 && refused > 0 && read + refused == 400)
    }
  }
}
