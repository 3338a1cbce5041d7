import Foundation
import Testing

/// What the program says about itself; a change of it is a change for every script and every reader.
@Suite struct HelpTests {
  @Test func tellsItsVersion() throws {
    let outcome = try BuiltTool.run(["--version"])
    #expect(outcome.status == 0)
    #expect(outcome.output == "0.1.0\n")
  }

  @Test(arguments: [
    ([], HelpSnapshots.root), (["rollout"], HelpSnapshots.rollout), (["task"], HelpSnapshots.task),
    (["doctor"], HelpSnapshots.doctor),
  ])
  func helpIsAsLastLookedAt(command: [String], expected: String) throws {
    let outcome = try BuiltTool.run(command + ["--help"])
    #expect(outcome.status == 0)
    #expect(outcome.output == expected)
  }

  @Test(arguments: [
    "serve", "ask", "rollout", "generate", "task", "score", "inspect", "doctor", "parity", "import", "synthesize",
    "quantize",
    "bench",
  ])
  func everySubcommandHasHelp(command: String) throws {
    let outcome = try BuiltTool.run([command, "--help"])
    #expect(outcome.status == 0)
    #expect(outcome.output.hasPrefix("OVERVIEW: "))
    #expect(outcome.errors.isEmpty)
  }

  @Test func anUnknownSubcommandIsWrongUsage() throws {
    #expect(try BuiltTool.run(["fly"]).status == 64)
    #expect(try BuiltTool.run(["rollout", "--no-such-option"]).status == 64)
  }
}
