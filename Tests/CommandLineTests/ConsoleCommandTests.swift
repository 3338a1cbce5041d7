import Foundation
import Testing

/// `uio2 serve --listen console://…` and what a file says of it.
@Suite("A console on the command line") struct ConsoleCommandTests {
  private static let policy = BuiltTool.repository.appending(path: "Policies/metaworld-mt5")

  private func serve(_ entry: String) throws -> (status: Int32, errors: String) {
    var result: (Int32, String) = (0, "")
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "listen.json")
      let robots = #"{"address": "ipc://\#(folder.path)/s"}"#
      try Data(#"{"listen": [\#(robots), \#(entry)]}"#.utf8).write(to: file)
      let outcome = try BuiltTool.run(["serve", "--policy", Self.policy.path, "--listen-file", file.path])
      result = (outcome.status, outcome.errors)
    }
    return result
  }

  @Test(arguments: [
    (#"{"address": "http://127.0.0.1:*", "cameras": []}"#, "cameras: goes with console:// only"),
    (#"{"address": "openpi://127.0.0.1:*", "rate_hz": 5}"#, "rate_hz: goes with console:// only"),
    (#"{"address": "console://127.0.0.1:*", "rate_hz": 0}"#, "rate_hz: expected 0.1 to 60"),
    (#"{"address": "console://127.0.0.1:*", "keys": {}}"#, "keys: goes with"),
    (#"{"address": "console://127.0.0.1:*", "cameras": [{"name": "corner2"}]}"#, "cameras[0]: expected matrix"),
    (
      #"{"address": "console://127.0.0.1:*", "cameras": [{"name": "corner2", "matrix": [1, 2]}]}"#,
      "cameras[0]: expected matrix"
    ),
    (
      #"{"address": "console://127.0.0.1:*", "cameras": [{"name": "corner2", "colour": 1}]}"#, "colour is not known"
    ),
    (
      #"{"address": "console://127.0.0.1:*", "cameras": [{"name": "left", "position": [0, 0, 1], "target": [0, 0, 0]}]}"#,
      "no camera left; expected corner2, topview"
    ),
    (
      #"{"address": "console://127.0.0.1:*", "cameras": [{"name": "topview", "position": [0, 0, 0], "target": [0, 0, 0]}]}"#,
      "topview: that is no camera"
    ),
  ])
  func `what a file says wrongly of a console is named`(entry: String, expected: String) throws {
    let (status, errors) = try serve(entry)
    #expect(status == 65 && errors.contains(expected), "\(status): \(errors)")
  }
}
