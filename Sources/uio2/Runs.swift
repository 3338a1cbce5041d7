import ArgumentParser
import Files
import Foundation
import RunAnalysis
import RunDatabase

/// `uio2 runs`: joins and exports what `uio2 evaluate` has recorded.
struct Runs: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show, join and export recorded runs.", subcommands: [Show.self, Merge.self, Export.self])

  /// `uio2 runs show`.
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print a run's rates with their intervals.")

    @Argument(help: ArgumentHelp("The run's folder or database.", valueName: "run"), completion: .directory)
    var path: String

    func run() throws { try Console.say(RunTable.text(RunSummary(RunFolder.open(path)))) }
  }

  /// `uio2 runs merge`.
  struct Merge: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Join the shards of a run.",
      discussion:
        "Shards of different suites, policies, plans or simulators are refused, as are a missing one and one that is given twice."
    )

    @Argument(help: "The shards' folders or databases.", completion: .directory)
    var shards: [String]

    @Option(name: .shortAndLong, help: ArgumentHelp("The folder of the whole run; it is made.", valueName: "folder"))
    var output: String

    func run() throws {
      var sources: [URL] = []
      for shard in shards {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: shard, isDirectory: &isFolder) else {
          throw CommandFailure(.badData, "\(shard): there is no run here")
        }
        sources.append(isFolder.boolValue ? RunFolder(shard).database : URL(filePath: shard))
      }
      let whole = try RunDatabase.merge(sources, into: RunFolder(output).database)
      try Console.say("\(try whole.outcomes().count) of \(whole.configuration.episodes.count) episodes  \(output)")
    }
  }

  /// `uio2 runs export`.
  struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write a run's outcomes as CSV, JSON lines or Markdown.",
      discussion: "The columns policy_id, scenario_id and success are those that robostats reads by name.")

    /// The forms.
    enum Form: String, ExpressibleByArgument, CaseIterable { case csv, json, markdown }

    @Argument(help: ArgumentHelp("The run's folder or database.", valueName: "run"), completion: .directory)
    var path: String

    @Option(help: "csv, json (one object a line) or markdown.")
    var format = Form.csv

    @Option(name: .shortAndLong, help: ArgumentHelp("Write there instead of to standard output.", valueName: "file"))
    var output: String?

    func run() throws {
      let target = try output.map { try OutputTarget($0) }
      let database = try RunFolder.open(path)
      let text =
        switch format {
        case .csv: try RunExport.csv(database)
        case .json: try RunExport.jsonLines(database)
        case .markdown: try RunExport.markdown(database)
        }
      guard let target else { return try Console.writeResult(text) }
      try target.write(Array(text.utf8))
    }
  }
}
