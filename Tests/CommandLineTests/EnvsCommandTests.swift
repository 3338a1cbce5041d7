import Foundation
import Testing

/// `uio2 envs` with a shell script in Python's place, and with Python itself.
@Suite("uio2 envs") struct EnvsCommandTests {
  private static let rows = """
    {"name": "toy", "tasks": ["reach-red", "reach-green"], "own": false, "installed": true, "message": ""}
    {"name": "fetch", "tasks": ["push"], "own": true, "installed": false, "message": ""}
    {"name": "vast", "tasks": null, "own": false, "installed": false, "message": "not installed here: vast"}
    """

  private func run(_ script: String, _ arguments: [String]) throws -> BuiltTool.Outcome {
    try BuiltTool.withFolder { folder in
      try BuiltTool.run(["envs"] + arguments, environment: ["UIO2_PYTHON": try BuiltTool.script(script, in: folder)])
    }
  }

  @Test func `lists what there is, and how it comes to be`() throws {
    let outcome = try run("cat <<'END'\n\(Self.rows)\nEND", [])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let lines = outcome.output.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
    #expect(lines.contains("toy 2 installed toy:reach-red"))
    #expect(lines.contains("fetch 1 installed when it is first used fetch:push"))
    #expect(lines.contains("vast ? not installed here: vast"))
  }

  @Test func `installs one and says how far it is`() throws {
    let script = "echo 'fetch: still installing, 10 s' >&2; echo '{\"python\": \"/x/bin/python\"}'"
    let outcome = try run(script, ["--install", "fetch"])
    #expect(outcome.status == 0 && outcome.output == "fetch  /x/bin/python\n")
    #expect(outcome.errors == "uio2: fetch: still installing, 10 s\n")
  }

  @Test(arguments: [
    (
      "echo 'unknown_environment: atlantis: no such simulator; there are: toy' >&2; exit 5", Int32(64), "there are: toy"
    ),
    ("echo 'installation_failed: fetch: No matching distribution' >&2; exit 5", 69, "No matching distribution"),
    ("echo hm; exit 0", 1, "hm"), ("kill -9 $$", 69, "uio2_envs.simulators"),
  ])
  func `says why one cannot be installed`(script: String, status: Int32, words: String) throws {
    let outcome = try run(script, ["--install", "fetch"])
    #expect(outcome.status == status && outcome.output.isEmpty, "\(outcome)")
    #expect(outcome.errors.contains(words), "\(outcome.errors)")
  }

  @Test func `knows the simulators of the repository`() throws {
    let outcome = try BuiltTool.run(["envs"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    for name in ["toy", "metaworld", "tabletop", "fetch", "so101"] { #expect(outcome.output.contains("\n\(name) ")) }
  }
}
