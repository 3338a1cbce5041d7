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
    static let configuration = CommandConfiguration(
      abstract: "Print a run's rates with their intervals, and the commands that made it.")

    @Argument(help: ArgumentHelp("The run's folder or database.", valueName: "run"), completion: .directory)
    var path: String

    func run() throws {
      let database = try RunFolder.open(path)
      try Console.say(RunTable.text(RunSummary(database)) + "\n\n" + RunTable.origin(try database.sessions()))
    }
  }

  /// `uio2 runs merge`.
  struct Merge: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Join the shards of a run.",
      discussion:
        """
        Shards of different suites, policies, plans, simulators or versions of this program are refused, as are a missing one, one that is \
        given twice, and one that is being written. Films come along. When episodes are left or were given up, the exit code is 1, as that \
        of the evaluation; the joined run is there all the same.
        """)

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
      try RunDatabase.requireShards(sources)
      let folder = RunFolder(output)
      // No shard grows, and nobody else writes the whole, while they are joined.
      let claims = try sources.compactMap { try RunFolder.claim(reading: $0) }
      guard !FileManager.default.fileExists(atPath: folder.database.path) else {
        throw RunDatabaseError(.exists, folder.database.path, "there is a run already; choose another path")
      }
      let claim = try folder.claim()
      defer { withExtendedLifetime((claims, claim)) {} }
      let whole = try RunDatabase.merge(sources, into: folder.database)
      let missing = try takeFilms(of: sources, to: folder)
      let outcomes = try whole.outcomes(), planned = whole.configuration.episodes.count
      try Console.say("\(outcomes.count) of \(planned) episodes  \(output)")
      if missing > 0 { Console.complain("uio2: \(missing) films that the shards name are not there") }
      let abandoned = outcomes.count { $0.state == .abandoned }
      guard outcomes.count == planned, abandoned == 0 else {
        throw CommandFailure(
          .failed,
          "the joined run is not whole: \(planned - outcomes.count) of \(planned) episodes are left, \(abandoned) were given up"
        )
      }
    }

    /// Copies the shards' films to where the joined record names them.
    ///
    /// - Returns: how many are not there.
    private func takeFilms(of sources: [URL], to folder: RunFolder) throws -> Int {
      var missing = 0
      let files = FileManager.default
      for source in sources {
        let films = try RunDatabase(opening: source, readOnly: true).outcomes().compactMap(\.video)
        for film in films {
          let file = source.deletingLastPathComponent().appending(path: film), target = folder.url.appending(path: film)
          let isBelow = !film.hasPrefix("/") && !film.split(separator: "/").contains("..")
          guard isBelow, files.fileExists(atPath: file.path) else {
            missing += 1
            continue
          }
          do {
            try files.createDirectory(at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
            try files.copyItem(at: file, to: target)
          } catch {
            throw CommandFailure(
              .unwritable, "\(target.path): the film cannot be written: \(SystemReason.text(of: error))")
          }
        }
      }
      return missing
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
      let target = try output.map { try OutputTarget($0, besides: [RunFolder.databasePath(path)]) }
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
