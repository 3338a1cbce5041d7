import ArgumentParser
import Files
import Foundation
import PolicyEvaluation
import Processes
import RunAnalysis
import RunDatabase

/// `uio2 report`: a recorded run as one HTML file.
struct Report: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a run, or several beside each other, as one HTML file.",
    discussion: """
      The file needs nothing else, no network either: rates with intervals, film strips, how failures ended, latencies, trajectories, \
      what confidence says, and the command that made the run. A run of a perturbed suite has its success against severity. Two runs \
      on the same episodes are compared; runs that differ in --added-delay give success against delay.

        uio2 report runs/mt5 -o mt5.html
        uio2 report runs/old runs/new -o comparison.html
        uio2 report runs/delay-0 runs/delay-50 runs/delay-100 -o delays.html
      """)

  @Argument(help: "Folders or databases of runs, up to \(Report.maximumRuns).", completion: .directory)
  var runs: [String]

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The HTML file (default: report.html in the first run's folder).", valueName: "file"))
  var output: String?

  @Option(
    help: ArgumentHelp(
      "The Python that draws (default: $UIO2_PYTHON, else .venv/bin/python of the repository).", valueName: "path"),
    completion: .file())
  var python: String?

  /// More would be no table that anyone reads.
  private static let maximumRuns = 12

  func validate() throws {
    guard (1...Self.maximumRuns).contains(runs.count) else {
      throw ValidationError("Name 1 to \(Self.maximumRuns) runs, found \(runs.count).")
    }
  }

  func run() throws {
    var databases: [RunDatabase] = []
    for path in runs { databases.append(try RunFolder.open(path)) }
    let path = output ?? RunFolder(runs[0]).url.appending(path: "report.html").relativePath
    let target = try OutputTarget(path, besides: runs.map(RunFolder.databasePath))
    let interpreter = try PythonInterpreter(
      explicit: python, variables: ProcessInfo.processInfo.environment, packageRoot: Locations.packageRoot)
    let folder = try PrivateFolder(prefix: "uio2-report")
    defer { folder.remove() }
    let summary = "\(folder.path)/summary.json", page = "\(folder.path)/report.html"
    try JSONFile.write(try ReportSummary(databases, paths: runs), to: OutputTarget(summary), keys: .convertToSnakeCase)
    let arguments = interpreter.launch(module: "uio2_envs.report") + [summary, page]
    let child: ChildProcess
    do throws(ChildProcessError) {
      child = try ChildProcess(
        .init(
          executable: interpreter.path, arguments: arguments,
          environment: PythonInterpreter.environment().merging(["MPLCONFIGDIR": folder.path]) { $1 },
          lifeline: .kernel))
    } catch {
      throw CommandFailure(.unavailable, error.description)
    }
    var words: [UInt8] = []
    while true {
      switch child.next(within: .seconds(1)) {
      case .diagnostics(let bytes)?: words += bytes
      case .ended(.code(0))?:
        // Links, devices and pipes are this program's to write to; Python knows only its own folder.
        let file = try OutputFile(target)
        try file.write(contentsOf: page)
        try file.publish()
        return try Console.say("report  \(path)")
      case .ended(let exit)?:
        let last = String(decoding: words, as: UTF8.self).split(separator: "\n").last.map(String.init) ?? ""
        throw CommandFailure(.unavailable, "the report could not be drawn: \(last.isEmpty ? "\(exit)" : last)")
      default: continue
      }
    }
  }
}
