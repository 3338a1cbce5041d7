import Foundation
import Testing

/// `uio2 evaluate` with a shell script in the simulator's place: what it prints, records and exits with.
@Suite("uio2 evaluate") struct EvaluateCommandTests {
  /// Answers each job after a while: the beginning of an episode, and its end as `end` says.
  private static func worker(_ pause: String = "", ready: String = ready, end: String = solved) -> String {
    """
    echo '\(ready)'
    while read job; do
      id=$(echo "$job" | sed 's/.*"id":\\([0-9]*\\).*/\\1/')
      seed=$(echo "$job" | sed 's/.*"seed":\\([0-9]*\\).*/\\1/')
      task=$(echo "$job" | sed 's/.*"task":"\\([^"]*\\)".*/\\1/')
      echo "{\\"event\\":\\"episode_start\\",\\"id\\":$id,\\"task\\":\\"$task\\",\\"seed\\":$seed}"
      \(pause)
      echo "{\\"event\\":\\"episode_end\\",\\"id\\":$id,\\"task\\":\\"$task\\",\\"seed\\":$seed,\(end),\\"steps\\":8,\\"policy_steps\\":2,\
    \\"limited_actions\\":0,\\"held_steps\\":0,\\"late_steps\\":4,\\"wall_s\\":1}"
    done
    """
  }

  private static let ready = #"{"event":"ready","policy":"expert","policy_digest":""}"#
  private static let solved = #"\"success\":true,\"success_at_end\":false"#
  private static let suite = """
    name: two
    environment: toy
    seeds: {first: 3, count: 2}
    success: RULE
    tasks: [{name: a}, {name: b}]
    """

  /// A folder with a suite and a simulator.
  private func withSuite(
    _ script: String, rule: String = "any", _ body: (URL, _ arguments: [String]) throws -> Void
  ) throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "two.yaml")
      try Data(Self.suite.replacing("RULE", with: rule).utf8).write(to: file)
      let python = try BuiltTool.script(script, in: folder)
      try body(
        folder, ["evaluate", file.path, "--policy", "expert", "--python", python, "--run", folder.path + "/run"])
    }
  }

  private func export(_ run: String) throws -> [[String]] {
    let outcome = try BuiltTool.run(["runs", "export", run])
    #expect(outcome.status == 0, "\(outcome.errors)")
    return outcome.output.split(separator: "\r\n").map { $0.components(separatedBy: ",") }
  }

  @Test func `prints a line an episode and a table, and says where the run is`() throws {
    try withSuite(Self.worker()) { folder, arguments in
      let outcome = try BuiltTool.run(arguments)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.hasPrefix("a  episode 1/4  seed 3  solved in 8 steps  1.0 s  success 1/1 (100 %)\n"))
      #expect(outcome.output.contains("a                    2 of 2  100.0 %  15.8 % – 100.0 %"))
      #expect(outcome.output.hasSuffix("\nrun  \(folder.path)/run\n"))
      let rows = try export(folder.path + "/run")
      #expect(rows.count == 5 && rows[1].contains("finished"))
      let shown = try BuiltTool.run(["runs", "show", folder.path + "/run"]).output.components(separatedBy: "\n\n")
      #expect(shown.count == 2 && outcome.output.contains(shown[0]))
      #expect(shown.last?.contains("uio2 evaluate") == true || shown.last?.contains(" evaluate ") == true)
    }
  }

  @Test func `records how much of an answer is executed, and what came of primitives`() throws {
    let end = Self.solved + #",\"outcomes\":{\"done\":2,\"no_seal\":1}"#
    try withSuite(Self.worker(end: end)) { folder, arguments in
      #expect(try BuiltTool.run(arguments + ["--loop", "open"]).status == 0)
      let rows = try export(folder.path + "/run")
      #expect(rows[0].last == "outcomes")
      #expect(rows[1].suffix(2).joined(separator: ",") == #""done 2, no_seal 1""#)
      let other = try BuiltTool.run(arguments + ["--loop", "closed", "--resume"])
      #expect(other.status == 64 && other.errors.contains("expected the loop open, found closed"), "\(other.errors)")
      #expect(try BuiltTool.run(arguments + ["--loop", "open", "--resume"]).status == 0)
    }
  }

  @Test func `counts by the suite's rule`() throws {
    try withSuite(Self.worker(), rule: "end") { _, arguments in
      let outcome = try BuiltTool.run(arguments)
      #expect(outcome.status == 0 && outcome.output.contains("not solved in 8 steps"))
      #expect(outcome.output.contains("0 of 2") && !outcome.output.contains("2 of 2"), "\(outcome.output)")
    }
  }

  @Test func `ends with 69 and records nothing where there is no simulator`() throws {
    let failed =
      #"{"event":"failed","code":"simulator_missing","subject":"metaworld","message":"there is no such package here"}"#
    try withSuite("read job; echo '\(failed)'; exit 5") { folder, arguments in
      let outcome = try BuiltTool.run(arguments)
      #expect(outcome.status == 69)
      #expect(outcome.output.isEmpty, "no table of failures that are none")
      #expect(
        outcome.errors.contains("environment_failure: metaworld: there is no such package here (simulator_missing)"))
      #expect(try export(folder.path + "/run").count == 1)
    }
  }

  @Test func `ends with 1 where episodes were given up, and tries them again when that is asked`() throws {
    let broken = "case $task in b) exit 7;; esac"
    try withSuite(Self.worker(broken)) { folder, arguments in
      let outcome = try BuiltTool.run(arguments)
      #expect(outcome.status == 1)
      #expect(outcome.errors.contains("the simulator failed in 2 of 4 episodes, which were given up"))
      #expect(outcome.output.contains("2 episodes were given up after too many lost attempts; no rate counts them"))
      #expect(outcome.output.contains("mean over episodes           100.0 %"), "\(outcome.output)")
      #expect(try BuiltTool.run(arguments + ["--resume"]).status == 1, "they stay given up")
      _ = try BuiltTool.script(Self.worker(), in: folder)
      #expect(try BuiltTool.run(arguments + ["--resume", "--retry-abandoned"]).status == 0)
      #expect(try export(folder.path + "/run").dropFirst().allSatisfy { $0.contains("finished") })
    }
  }

  @Test func `finishes the running episodes at Ctrl-C, says how to go on, and goes on`() throws {
    try withSuite(Self.worker("sleep 0.3")) { folder, arguments in
      let outcome = try BuiltTool.run(arguments, signal: SIGINT, whenOutputContains: "episode 1/4")
      #expect(outcome.status == 130)
      #expect(
        outcome.errors.contains("episodes are left: repeat the command with --run \(folder.path)/run --resume"))
      let done = try export(folder.path + "/run").count - 1
      #expect((1..<4).contains(done) && outcome.output.contains("episode \(done)/4"), "\(done): \(outcome.output)")
      let rest = try BuiltTool.run(arguments + ["--resume"])
      #expect(rest.status == 0 && !rest.output.contains("episode \(done)/4  "), "\(rest.errors)")
      let rows = try export(folder.path + "/run")
      #expect(rows.count == 5 && rows.dropFirst().allSatisfy { $0[8] == "1" }, "each episode ran once")
    }
  }

  @Test func `keeps every command that worked on a run`() throws {
    try withSuite(Self.worker()) { folder, arguments in
      #expect(try BuiltTool.run(arguments).status == 0)
      #expect(try BuiltTool.run(arguments + ["--resume", "--workers", "2"]).status == 0)
      let shown = try BuiltTool.run(["runs", "show", folder.path + "/run"]).output
      let origin = try #require(shown.components(separatedBy: "made by\n").last).split(separator: "\n")
      #expect(
        origin.count == 2 && !origin[0].contains("--resume") && origin[1].hasSuffix("--resume --workers 2"), "\(shown)")
      #expect(origin.allSatisfy { $0.contains(" UTC, uio2 ") })
    }
  }

  @Test func `is not gone on with by another version of the program`() throws {
    try withSuite(Self.worker()) { folder, arguments in
      #expect(try BuiltTool.run(arguments).status == 0)
      let change =
        "UPDATE run SET configuration = replace(configuration, '\"versions\":{\"uio2\":\"', '\"versions\":{\"uio2\":\"9.')"
      let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()"
      let sqlite = Process()
      sqlite.executableURL = URL(filePath: "/usr/bin/env")
      sqlite.arguments = ["python3", "-c", script, folder.path + "/run/run.db", change]
      try sqlite.run()
      sqlite.waitUntilExit()
      #expect(sqlite.terminationStatus == 0)
      let refused = try BuiltTool.run(arguments + ["--resume"])
      #expect(
        refused.status == 64 && refused.errors.contains("begun with another program: expected uio2 9."),
        "\(refused.errors)")
    }
  }

  @Test func `comparing says what is compared, and every difference`() throws {
    try withSuite(Self.worker()) { folder, arguments in
      #expect(try BuiltTool.run(arguments).status == 0)
      let other = folder.path + "/other"
      #expect(
        try BuiltTool.run(arguments.dropLast() + [other, "--mode", "realtime", "--added-delay", "50"]).status == 0)
      let said = try BuiltTool.run(["compare", folder.path + "/run", other])
      #expect(said.status == 0, "\(said.errors)")
      let lines = said.output.components(separatedBy: "\n")
      #expect(lines[0].hasPrefix("first   expert, lockstep, begun 2"), "\(said.output)")
      #expect(lines[1].hasPrefix("second  expert, realtime with 50.0 ms added, begun 2"))
      #expect(
        lines[2...3] == ["differs  mode: lockstep, realtime", "differs  added delay: 0.0 ms, 50.0 ms"]
          && lines[4].isEmpty)
    }
  }

  @Test func `ends at once at a second Ctrl-C`() throws {
    try withSuite(Self.worker("case $seed in 4) echo begun >&2; sleep 100;; esac")) { folder, arguments in
      let tool = try LiveTool(arguments + ["--verbose"], in: folder)
      #expect(waitUntil { tool.said.contains("begun") })
      tool.send(SIGINT)
      #expect(waitUntil { tool.said.contains("the episodes that run are finished") })
      tool.send(SIGINT)
      let begin = ContinuousClock.now
      #expect(tool.status() == 130)
      #expect(ContinuousClock.now - begin < .seconds(20))
      #expect(try export(folder.path + "/run").count == 2)
    }
  }

  @Test func `is refused where another process is at work on the run`() throws {
    try withSuite(Self.worker("echo begun >&2; sleep 100")) { folder, arguments in
      let tool = try LiveTool(arguments + ["--verbose"], in: folder)
      #expect(waitUntil { tool.said.contains("begun") })
      let outcome = try BuiltTool.run(arguments + ["--resume"])
      #expect(outcome.status == 69 && outcome.errors.contains("another process is at work on this run"))
      tool.send(SIGKILL)
      _ = tool.status()
      _ = try BuiltTool.script(Self.worker(), in: folder)
      #expect(try BuiltTool.run(arguments + ["--resume"]).status == 0, "a process that was killed holds no run")
    }
  }

  @Test func `leaves one file that reading leaves alone`() throws {
    try withSuite(Self.worker()) { folder, arguments in
      #expect(try BuiltTool.run(arguments).status == 0)
      _ = try export(folder.path + "/run")
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/run")
      #expect(names.sorted() == ["lock", "run.db"])
    }
  }

  @Test func `a signal leaves no draft of the record`() throws {
    try withSuite(Self.worker("sleep 0.2")) { folder, arguments in
      for number in 0..<5 {
        let run = "\(folder.path)/run-\(number)"
        let tool = try LiveTool(arguments.dropLast() + [run], in: folder)
        #expect(waitUntil { FileManager.default.fileExists(atPath: run + "/lock") })
        tool.send(SIGINT)
        #expect(tool.status() == 130)
        let names = try FileManager.default.contentsOfDirectory(atPath: run)
        #expect(!names.contains { $0.contains("creating") }, "\(names)")
      }
    }
  }

  @Test func `ends with 74 where its folder was removed meanwhile`() throws {
    try withSuite(Self.worker(#"rm -rf "$(dirname "$0")/run""#)) { _, arguments in
      let outcome = try BuiltTool.run(arguments)
      #expect(outcome.status == 74 && outcome.errors.contains("removed or replaced"), "\(outcome.errors)")
    }
  }

  @Test func `shards that are not whole, or are being written, are told of when they are joined`() throws {
    let broken = "case $task in b) exit 7;; esac"
    try withSuite(Self.worker(broken)) { folder, arguments in
      let part = folder.path + "/part", whole = folder.path + "/whole"
      let shard = arguments.dropLast() + [part, "--shard", "1/1"]
      #expect(try BuiltTool.run(Array(shard)).status == 1)
      let merged = try BuiltTool.run(["runs", "merge", part, "--output", whole])
      #expect(
        merged.status == 1 && merged.errors.contains("0 of 4 episodes are left, 2 were given up"), "\(merged.errors)")
      #expect(merged.output == "4 of 4 episodes  \(whole)\n")
      #expect(try BuiltTool.run(["runs", "show", whole]).output.contains("2 of 4 planned episodes finished"))
      for (claimed, output) in [(part, folder.path + "/other"), (folder.path + "/other", folder.path + "/other")] {
        try FileManager.default.createDirectory(atPath: claimed, withIntermediateDirectories: true)
        let lock = open(claimed + "/lock", O_RDWR | O_CREAT, 0o644)
        defer { close(lock) }
        #expect(flock(lock, LOCK_EX | LOCK_NB) == 0)
        let refused = try BuiltTool.run(["runs", "merge", part, "--output", output])
        #expect(refused.status == 69 && refused.errors.contains("another process is at work"), "\(refused.errors)")
      }
    }
  }

  @Test func `a suite is named as its file`() throws {
    try withSuite(Self.worker()) { folder, arguments in
      let other = folder.appending(path: "other.yaml").path
      try FileManager.default.moveItem(atPath: arguments[1], toPath: other)
      let outcome = try BuiltTool.run(["evaluate", other] + arguments.dropFirst(2))
      #expect(outcome.status == 64 && outcome.errors.contains("name: expected the file's name other, found two"))
    }
  }

  @Test func `is refused before the policy is loaded where the run cannot be written or is there already`() throws {
    try withSuite(Self.worker()) { folder, arguments in
      let python = folder.appending(path: "python").path
      let outcome = try BuiltTool.run(arguments.dropLast() + [python + "/run"])
      #expect(outcome.status == 74 && outcome.errors.contains("the folder of the run cannot be made"))
      #expect(try BuiltTool.run(arguments).status == 0)
      let again = try BuiltTool.run(arguments)
      #expect(again.status == 65 && again.errors.contains("there is a run already; add --resume"))
      let other = try BuiltTool.run(arguments + ["--resume", "--episodes", "3"])
      #expect(other.status == 64 && other.errors.contains("has other episodes"))
    }
  }

  @Test func `refuses the answers of another policy`() throws {
    let other = #"{"event":"ready","policy":"mt5","policy_digest":"ab12"}"#
    try withSuite(Self.worker(ready: other)) { folder, arguments in
      let outcome = try BuiltTool.run(arguments)
      #expect(outcome.status == 65 && outcome.errors.contains("found ab12"), "\(outcome.errors)")
      #expect(try export(folder.path + "/run").count == 1)
    }
  }

  @Test func `makes a run for each delay, and says when the machine is too slow`() throws {
    try withSuite(Self.worker()) { folder, arguments in
      let outcome = try BuiltTool.run(arguments + ["--mode", "realtime", "--added-delay", "0,50.5"])
      #expect(outcome.status == 0, "\(outcome.errors)")
      for delay in ["0", "50.5"] {
        #expect(outcome.output.contains("added delay \(delay) ms\n"))
        #expect(try export("\(folder.path)/run/delay-\(delay)").count == 5)
      }
      // Four of eight control steps of each episode were late.
      #expect(outcome.errors.contains("50.0 % of the control steps began after their time"), "\(outcome.errors)")
    }
  }

  @Test func `names what is wrong with a suite`() throws {
    let outcome = try BuiltTool.run(["evaluate", "no-such-suite", "--policy", "expert"])
    #expect(outcome.status == 64 && outcome.errors.contains("there are metaworld-language"))
    let list = try BuiltTool.run(["evaluate", "--list"])
    #expect(list.status == 0 && list.output.contains("metaworld-mt50") && list.output.contains("toy"))
    let many = try BuiltTool.run(["evaluate", "metaworld-mt50", "--policy", "expert", "--episodes", "1000000"])
    #expect(many.status == 64 && many.errors.contains("50 tasks with 1000000 episodes each"), "\(many.errors)")
  }
}
