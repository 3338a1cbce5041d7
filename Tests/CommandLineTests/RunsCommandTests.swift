import Foundation
import Testing

/// `uio2 runs`, `compare` and `report` on runs of the toy and its expert.
@Suite("Recorded runs") struct RunsCommandTests {
  private static let hasPython = FileManager.default.isExecutableFile(
    atPath: BuiltTool.repository.appending(path: ".venv/bin/python").path)

  private func evaluate(_ run: URL, _ more: [String] = []) throws {
    let outcome = try BuiltTool.run(
      ["evaluate", "toy", "--policy", "expert", "--episodes", "3", "--run", run.path] + more)
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  private func lines(_ arguments: [String]) throws -> [String] {
    let outcome = try BuiltTool.run(arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return outcome.output.split(whereSeparator: \.isNewline).map(String.init)
  }

  @Test(.enabled(if: hasPython)) func `what a command reads is not what it writes`() throws {
    try BuiltTool.withFolder { folder in
      let run = folder.appending(path: "run"), database = run.appending(path: "run.db")
      try evaluate(run)
      let bytes = try Data(contentsOf: database)
      for command in [["runs", "export"], ["report"]] {
        let outcome = try BuiltTool.run(command + [run.path, "-o", database.path])
        #expect(outcome.status == 74 && outcome.errors.contains("what this command reads"), "\(outcome)")
        #expect(try Data(contentsOf: database) == bytes)
      }
      let policy = folder.appending(path: "policy"), file = policy.appending(path: "policy.json")
      try FileManager.default.createDirectory(at: policy, withIntermediateDirectories: true)
      try Data("{}".utf8).write(to: file)
      for command in [["rollout", "--env", "toy:reach-red", "--policy"], ["parity"]] {
        let outcome = try BuiltTool.run(command + [policy.path, "--json", file.path])
        #expect(outcome.status == 74 && outcome.errors.contains("which this command reads"), "\(outcome)")
        #expect(try Data(contentsOf: file) == Data("{}".utf8))
      }
    }
  }

  @Test(.enabled(if: hasPython)) func `shards become the run that one process would have made`() throws {
    try BuiltTool.withFolder { folder in
      let whole = folder.appending(path: "whole"), parts = [1, 2].map { folder.appending(path: "part-\($0)") }
      try evaluate(whole, ["--workers", "2"])
      for (place, part) in parts.enumerated() { try evaluate(part, ["--shard", "\(place + 1)/2", "--video"]) }
      let merged = folder.appending(path: "merged").path
      let said = try lines(["runs", "merge", parts[1].path, parts[0].path, "--output", merged])
      #expect(said == ["6 of 6 episodes  \(merged)"])
      let files = try FileManager.default.contentsOfDirectory(atPath: merged)
      #expect(files.sorted() == ["lock", "run.db", "videos"])
      #expect(try FileManager.default.contentsOfDirectory(atPath: merged + "/videos").count == 6)
      // Everything but the time that it took.
      func rows(_ run: String) throws -> [[Substring]] {
        let rows = try lines(["runs", "export", run]).map { $0.split(separator: ",", omittingEmptySubsequences: false) }
        let time = try #require(rows.first?.firstIndex(of: "wall_s"))
        return rows.map { Array($0[..<time] + $0[(time + 1)...]) }
      }
      #expect(try rows(merged) == rows(whole.path))
      #expect(try lines(["runs", "show", merged]).contains { $0.hasPrefix("reach-red") && $0.contains("3 of 3") })
      #expect(try lines(["runs", "export", merged, "--format", "json"]).count == 6)
      #expect(try lines(["runs", "export", merged, "--format", "markdown"]).first?.hasPrefix("| task |") == true)

      let pairs = try lines(["compare", whole.path, merged])
      #expect(pairs.contains { $0.hasPrefix("all") && $0.contains(" 6 ") })

      let foreign = folder.appending(path: "foreign")
      try evaluate(foreign, ["--shard", "2/2", "--seed", "50"])
      let refused = folder.appending(path: "refused").path
      let outcome = try BuiltTool.run(["runs", "merge", parts[0].path, foreign.path, "--output", refused])
      #expect(outcome.status == 65 && outcome.errors.contains("expected 3 episodes of each task from seed 0, found 3"))
      #expect(
        !FileManager.default.fileExists(atPath: refused), "nothing is made for shards that do not belong together")
    }
  }

  @Test(.enabled(if: hasPython)) func `a report is one page, with the videos of a run that was moved`() throws {
    try BuiltTool.withFolder { folder in
      let run = folder.appending(path: "run"), moved = folder.appending(path: "elsewhere")
      try evaluate(run, ["--video", "--episodes", "1"].filter { $0 == "--video" })
      try FileManager.default.moveItem(at: run, to: moved)
      let page = folder.appending(path: "page.html")
      #expect(try lines(["report", moved.path, "-o", page.path]) == ["report  \(page.path)"])
      let text = try String(contentsOf: page, encoding: .utf8)
      #expect(text.contains("reach-red") && text.contains("uio2 evaluate toy"))
      #expect(text.contains("data:image/"), "film strips are found beside the database, wherever that is")
    }
  }

  @Test func `power needs no run`() throws {
    let said = try lines(["compare", "--power", "0.87,0.90"])
    #expect(said.first?.hasPrefix("To tell 87.0 % from 90.0 %") == true)
    #expect(said.contains { $0.contains("episodes for each policy") })
    #expect(
      try lines(["compare", "--power", "0.87,0.9", "--discordant", "0.03"]).contains { $0.contains("Normal approx") })
    #expect(try lines(["compare", "--power", "0.5,0.50001"]).first?.hasPrefix("To tell 50.0 % from 50.001 %") == true)
    #expect(said.contains { $0.contains("power of the exact test: 7") }, "\(said)")
    let impossible = try BuiltTool.run(["compare", "--power", ".87,.9", "--discordant", "1"])
    #expect(impossible.status == 64 && impossible.errors.contains("expected 0.03 to 0.23"), "\(impossible.errors)")
    let close = try BuiltTool.run(["compare", "--power", "0.0,1e-200"])
    #expect(close.status == 64 && close.errors.contains("--power: expected two rates"), "\(close.errors)")
  }

  @Test(arguments: [["runs", "show"], ["runs", "export"], ["report"], ["runs", "merge", "--output", "/tmp/never"]])
  func `what is no run is refused`(command: [String]) throws {
    let absent = try BuiltTool.run(command + ["/nowhere"])
    #expect(absent.status == 65 && absent.errors.contains("there is no run here"), "\(absent.errors)")
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "run.db")
      try Data("not a database, but long enough to be looked at".utf8).write(to: file)
      #expect(try BuiltTool.run(command + [folder.path]).status == 65)
    }
  }
}
