import ArgumentParser
import Foundation
import Processes

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

      Results go to standard output or to the files that options name. Such a file is looked at before the work begins and replaced \
      whole, links are followed, devices and pipes are written through. An option is given once unless its help says otherwise.

      \(ExitCode.table)
      """,
    version: version,
    subcommands: [
      Serve.self, Keys.self, Ask.self, Rollout.self, Evaluate.self, Envs.self, Runs.self, Compare.self, Report.self,
      ReplayCommand.self,
      Generate.self,
      RunTask.self, Score.self, Inspect.self, Doctor.self, Parity.self,
      Import.self, Synthesize.self, Quantize.self, Bench.self,
    ])

  /// The version of the command line and of the daemon in it.
  static let version = "0.1.0"

  /// Runs the chosen subcommand; a failure is one line on standard error and an exit code of ``ExitCode/table``.
  static func main() {
    StandardStreams.prepare()
    // Also before `serve` has its own watch, and after: nobody has been promised an answer then.
    let isDaemon = CommandLine.arguments.dropFirst().first == "serve"
    SignalWatch.begin(statusUnwatched: isDaemon ? ExitCode.success.rawValue : nil)
    var code = ExitCode.success
    do { try runCommand() } catch {
      SignalWatch.yieldToEnd()
      code = report(error)
    }
    do throws(CommandFailure) { try Console.close() } catch { code = report(error) }
    ProcessLog.flush()
    Foundation.exit(code.rawValue)
  }

  private static func runCommand() throws {
    var command = try parseAsRoot()
    try EmptyArguments.check(CommandLine.arguments.dropFirst())
    try RepeatedOptions.check(CommandLine.arguments.dropFirst())
    try KernelLevel.check()
    try command.run()
  }

  /// Tells what has ended the command, where there is something to tell.
  private static func report(_ error: any Error) -> ExitCode {
    if let failure = CommandFailure(error) {
      if !failure.message.isEmpty { Console.complain("uio2: " + failure.message) }
      return failure.code
    }
    let code = exitCode(for: error), message = fullMessage(for: error)
    guard code == .success else {
      if !message.isEmpty { Console.complain(message) }
      return code
    }
    // Help and version are results, with all that can happen to one.
    do throws(CommandFailure) { try Console.say(message) } catch { return report(error) }
    return code
  }
}
