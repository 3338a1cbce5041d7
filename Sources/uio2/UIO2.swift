import ArgumentParser

/// The command line. Each subcommand has a file of its own; what they do stands in the libraries.
@main
struct UIO2: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "uio2",
    abstract: "Unified-IO 2 as the brain of a robot arm: serve a policy, fly it in simulation, inspect it.",
    discussion: """
      A policy is a folder with policy.json, a Unified-IO 2 checkpoint and its tokenizer. `serve` runs one behind a ZeroMQ \
      socket for any robot that speaks the protocol; `rollout` flies a simulated robot with it and counts successes.

        uio2 serve --policy Policies/metaworld-mt5 --bind tcp://127.0.0.1:5555
        uio2 rollout --env metaworld:reach-v3,push-v3 --episodes 10 --video films

      \(ExitCode.table)
      """,
    version: version,
    subcommands: [
      Serve.self, Ask.self, Rollout.self, Generate.self, RunTask.self, Score.self, Inspect.self, Parity.self,
      Import.self, Synthesize.self, Quantize.self, Bench.self,
    ])

  /// The version of the command line and of the daemon in it.
  static let version = "0.1.0"

  /// Runs the chosen subcommand; a failure is one line on standard error and an exit code of ``ExitCode/table``.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      guard let failure = CommandFailure(error) else { exit(withError: error) }
      Console.complain("uio2: " + failure.message)
      exit(withError: failure.code)
    }
  }
}
