import Foundation
import RunDatabase
import Testing

/// `uio2 report` writes where it is told, and nothing of what lies there is lost: what draws is a script here.
@Suite struct ReportCommandTests {
  /// A run of one episode.
  private func makeRun(in folder: URL) throws -> String {
    let episode = RunConfiguration.Episode(task: "push", seed: 1)
    let database = try RunDatabase(
      creating: folder.appending(path: "run.db"),
      configuration: RunConfiguration(
        subject: .init(suite: "one", suiteDigest: "1", policy: "mt5", policyDigest: "2"), episodes: [episode]))
    try database.record(
      EpisodeRecord(
        episode: episode, successAtAnyStep: true, successAtEnd: true, steps: 10, stepsToSuccess: 5, limitedActions: 0,
        pathLength: 0.5, wallSeconds: 1),
      steps: [StepRecord(step: 0, latency: ["round_trip": 3], confidence: 0.5)])
    return folder.path
  }

  private static let page = "<html>drawn</html>"

  /// Writes a page to its last argument.
  private func artist(in folder: URL) throws -> String {
    try BuiltTool.script("for last; do :; done; printf '%s' '\(Self.page)' > \"$last\"", in: folder)
  }

  private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  @Test func `a link stays a link, and nothing else is left`() throws {
    try BuiltTool.withFolder { folder in
      let run = try makeRun(in: folder), python = try artist(in: folder)
      let real = folder.appending(path: "real.html").path, link = folder.appending(path: "link.html").path
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "real.html")
      let outcome = try BuiltTool.run(["report", run, "--python", python, "-o", link])
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output == "report  \(link)\n")
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "real.html")
      #expect(try text(real) == Self.page)
      #expect(try BuiltTool.run(["report", run, "--python", python]).status == 0)
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { !$0.hasPrefix("run.db") }
      #expect(names.sorted() == ["link.html", "python", "real.html", "report.html"])
    }
  }

  @Test func `a device stays a device, and its failure is the command's`() throws {
    try BuiltTool.withFolder { folder in
      let run = try makeRun(in: folder), python = try artist(in: folder)
      for (device, expected) in [("/dev/full", Int32(74)), ("/dev/null", 0)] {
        let outcome = try BuiltTool.run(["report", run, "--python", python, "-o", device])
        #expect(outcome.status == expected, "\(outcome.errors)")
        var status = stat()
        #expect(stat(device, &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
      }
    }
  }

  @Test func `a pipe is written through`() throws {
    try BuiltTool.withFolder { folder in
      let run = try makeRun(in: folder), python = try artist(in: folder)
      let pipe = folder.appending(path: "pipe").path
      #expect(mkfifo(pipe, 0o600) == 0)
      let reader = open(pipe, O_RDONLY | O_NONBLOCK)
      defer { close(reader) }
      let outcome = try BuiltTool.run(["report", run, "--python", python, "-o", pipe])
      #expect(outcome.status == 0, "\(outcome.errors)")
      var buffer = [UInt8](repeating: 0, count: 100)
      let count = read(reader, &buffer, buffer.count)
      #expect(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self) == Self.page)
      var status = stat()
      #expect(stat(pipe, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
    }
  }

  @Test(arguments: [(SIGTERM, Int32(143)), (SIGQUIT, Int32(131)), (SIGHUP, Int32(129))])
  func `a signal ends it cleanly, whatever it is doing`(signal: Int32, expected: Int32) throws {
    try BuiltTool.withFolder { folder in
      let run = try makeRun(in: folder), mark = folder.appending(path: "mark").path
      let python = try BuiltTool.script("touch '\(mark)'; exec sleep 1000", in: folder)
      let temporary = folder.appending(path: "tmp")
      try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: true)
      let tool = try LiveTool(
        ["report", run, "--python", python], in: folder, environment: ["TMPDIR": temporary.path])
      #expect(waitUntil { FileManager.default.fileExists(atPath: mark) })
      tool.send(signal)
      #expect(tool.status() == expected)
      #expect(try FileManager.default.contentsOfDirectory(atPath: temporary.path).isEmpty)
    }
  }
}
