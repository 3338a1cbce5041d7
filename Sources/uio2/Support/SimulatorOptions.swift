import ArgumentParser
import Foundation
import PolicyEvaluation

/// How the simulator's processes are started and watched over.
struct SimulatorOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The Python that runs the simulator (default: $UIO2_PYTHON, else the simulator's own, else .venv/bin/python of the repository).",
      valueName: "path"),
    completion: .file())
  var python: String?

  @Option(
    help: ArgumentHelp(
      "A folder in which the simulator's modules are looked for first; may be repeated.", valueName: "folder"),
    completion: .directory)
  var pythonPath: [String] = []

  @Option(
    help: ArgumentHelp(
      "How much of an answer is executed before the robot looks again: chunk (all of it), closed (its first action) or open (all of it, and that is the episode).",
      valueName: "loop"))
  var loop = Suite.Loop.chunk

  @Option(
    help: ArgumentHelp(
      "How long the simulator may report nothing before it is ended as hung.", valueName: "seconds"))
  var watchdog = 120.0

  @Option(
    help: ArgumentHelp(
      "How much memory a simulator may use before a new one takes its place, between two episodes.", valueName: "MiB"))
  var maxMemory = 3000.0

  @Flag(help: "Show what the simulator writes for people.")
  var verbose = false

  func validate() throws {
    guard watchdog > 0, watchdog <= 86_400 else {
      throw ValidationError("--watchdog must be above 0 and at most a day, found \(watchdog).")
    }
    guard maxMemory > 0, maxMemory <= 1e9 else {
      throw ValidationError("--max-memory must be above 0, found \(maxMemory).")
    }
    for path in pythonPath where PackageRoot.folder(path, root: nil) == nil {
      throw ValidationError("--python-path: \(path) is no folder.")
    }
  }

  /// ``loop`` as a run's configuration has it.
  var recordedLoop: String? { loop == .chunk ? nil : loop.rawValue }

  /// The Python that was named, else the simulator's own, which is made where it is not there yet, else the repository's.
  func interpreter(for simulator: String) throws(RolloutError) -> PythonInterpreter {
    let variables = ProcessInfo.processInfo.environment
    let general = try PythonInterpreter(
      explicit: python, variables: variables, packageRoot: Locations.packageRoot)
    let packages = Locations.packageRoot?.appending(path: "Envs/environments/\(simulator).txt")
    guard python == nil, (variables["UIO2_PYTHON"] ?? "").isEmpty, let packages,
      FileManager.default.fileExists(atPath: packages.path)
    else { return general }
    let catalogue = SimulatorCatalogue(general, pythonPath: folders) { Console.complain("uio2: " + $0) }
    return try catalogue.interpreter(for: simulator)
  }

  /// The full paths of `--python-path`.
  var folders: [String] { pythonPath.map { URL(filePath: $0).path } }

  /// The options of an evaluation that follow from these.
  var evaluation: Evaluation.Options {
    var options = Evaluation.Options()
    options.patience = .seconds(watchdog)
    options.maximumMemory = maxMemory
    return options
  }
}

extension Suite.Loop: ExpressibleByArgument {}
