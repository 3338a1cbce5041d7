import Processes
import UnifiedIO

/// What every subcommand does that runs a model on its own.
enum ModelRun {
  /// Loads the model and runs `body`, with a progress bar that is gone when this returns. A signal ends the process.
  static func start<Result>(_ model: ModelOptions, _ body: (TaskRunner, ProgressBar) throws -> Result) throws -> Result
  {
    let bar = ProgressBar("loading")
    let signals = SignalWatch { number in
      bar.end()
      SignalWatch.endProcess(by: number)
    }
    defer { bar.end() }
    return try withExtendedLifetime(signals) {
      let runner = try model.load()
      bar.enter("reading the input")
      return try body(runner, bar)
    }
  }
}
