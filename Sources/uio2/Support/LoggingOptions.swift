import ArgumentParser
import Logging

/// `--log-level`, for every subcommand that logs.
struct LoggingOptions: ParsableArguments {
  @Option(
    help: "What is logged to standard error, from most to least: trace, debug, info, notice, warning, error, critical.")
  var logLevel: Logger.Level?

  /// The logger of the process; what is not logged here is not logged.
  func makeLogger(default level: Logger.Level) -> Logger { ProcessLog.makeLogger(level: logLevel ?? level) }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
