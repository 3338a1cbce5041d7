import Foundation
import Testing

/// What a file of wires says of an arm whose parts publish.
@Suite("Topics on the command line") struct TopicsCommandTests {
  private static let policy = BuiltTool.repository.appending(path: "Policies/metaworld-mt5").path

  private func serve(_ entry: String, _ more: [String] = []) throws -> (status: Int32, errors: String) {
    var result: (Int32, String) = (0, "")
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "listen.json")
      try Data(#"{"listen": [\#(entry)]}"#.utf8).write(to: file)
      let outcome = try BuiltTool.run(["serve", "--policy", Self.policy, "--listen-file", file.path] + more)
      result = (outcome.status, outcome.errors)
    }
    return result
  }

  private static let eye = #"{"name": "corner2", "address": "tcp://127.0.0.1:1", "age_ms": 100}"#
  private static let top = #"{"name": "topview", "address": "tcp://127.0.0.1:1", "age_ms": 100}"#
  private static let arm = #"{"name": "joints", "arm": true, "address": "ipc:///none/joints", "age_ms": 100}"#

  private static func entry(_ sources: [String], _ more: String = "") -> String {
    #"{"address": "topics://127.0.0.1:*", "sources": [\#(sources.joined(separator: ", "))]\#(more)}"#
  }

  @Test(arguments: [
    (entry([]), "sources: expected a list"),
    (entry([eye, top]), "expected one arm"),
    (entry([eye, arm]), "expected each camera of the policy once (corner2, topview), found corner2"),
    (entry([eye, top, eye, arm]), "each source has a name of its own"),
    (entry([eye, top, arm], #", "rate": 5"#), "rate is not known"),
    (entry([eye, top, arm], #", "rate_hz": 0"#), "rate_hz: expected 0.1 to 1000"),
    (entry([eye, top, arm], #", "skew_ms": -1"#), "skew_ms: expected 1 to 60000"),
    (entry([#"{"name": "a", "address": "tcp://127.0.0.1:1"}"#]), "sources[0].age_ms: expected 1 to 60000"),
    (entry([#"{"name": "a", "address": "tcp://127.0.0.1", "age_ms": 9}"#]), "sources[0].address: "),
    (
      entry([#"{"name": "a", "arm": true, "camera": "b", "address": "tcp://127.0.0.1:1", "age_ms": 9}"#]),
      "sources[0].arm: expected true"
    ),
    (
      entry([#"{"name": "a", "arm": true, "frozen_ms": 9, "address": "tcp://127.0.0.1:1", "age_ms": 9}"#]),
      "sources[0].frozen_ms: goes with cameras"
    ),
    (
      entry([#"{"name": "corner2", "address": "tcp://10.0.0.1:1", "age_ms": 100}"#, top, arm]),
      "corner2 is on another machine"
    ),
  ])
  func `a file that names no arm is refused with the word at fault`(entry: String, said: String) throws {
    let outcome = try serve(entry)
    #expect(outcome.status == 65, "\(outcome.errors)")
    #expect(outcome.errors.contains(said), "\(outcome.errors)")
  }

  @Test func `nobody is authenticated there, so it goes with no keys and with no network`() throws {
    let arm = Self.entry([Self.eye, Self.top, Self.arm])
    try BuiltTool.withFolder { folder in
      let keys = folder.appending(path: "keys").path
      #expect(try BuiltTool.run(["keys", "new", "arm", "--directory", keys]).status == 0)
      let keyed = try serve(arm, ["--keys", keys])
      #expect(keyed.status == 64 && keyed.errors.contains("goes with no --keys"), "\(keyed)")
    }
    let open = try serve(arm.replacing("127.0.0.1:*", with: "*:5560"), ["--insecure"])
    #expect(open.status == 64 && open.errors.contains("is for an arm of this machine"), "\(open)")
    let bare = try BuiltTool.run(["serve", "--listen", "topics://127.0.0.1:5560"])
    #expect(bare.status == 64 && bare.errors.contains("needs to know its sources"), "\(bare.errors)")
  }
}
