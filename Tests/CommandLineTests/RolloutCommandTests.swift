import Foundation
import Testing

/// `uio2 rollout` with a shell script in Python's place: what it prints, writes and exits with.
@Suite struct RolloutCommandTests {
  private static let ready = #"{"event":"ready","policy":"mt5","policy_digest":"ab12"}"#

  private static func start(_ episode: Int) -> String {
    #"{"event":"episode_start","id":\#(episode),"task":"a","seed":\#(7 + episode),"instruction":"go"}"#
  }

  private static func step(period: String) -> String {
    #"{"event":"step","id":0,"step":4,"policy_steps":1,"success":false,\#(period)"#
      + #""latency_ms":{"round_trip":20.5},"limited":0,"confidence":0.9}"#
  }

  private static func end(_ episode: Int, success: Bool) -> String {
    #"{"event":"episode_end","id":\#(episode),"task":"a","seed":\#(7 + episode),"success":\#(success),"#
      + #""success_at_end":\#(success),"steps":88,"policy_steps":22,"steps_to_success":\#(success ? "88" : "null"),"#
      + #""limited_actions":0,"held_steps":0,"wall_s":1.9,"video":null}"#
  }

  private static let flight = [
    ready, start(0), step(period: ""), step(period: #""period_ms":50,"#), end(0, success: true), start(1),
    end(1, success: false),
  ]

  private func rollout(
    _ script: String, _ more: [String] = [], signal: Int32? = nil, mark: String = ""
  ) throws -> BuiltTool.Outcome {
    try BuiltTool.withFolder { folder in
      let python = try BuiltTool.script(script, in: folder)
      let arguments =
        ["rollout", "--env", "metaworld:a", "--episodes", "2", "--seed", "7", "--daemon", "ipc:///nowhere"]
        + ["--python", python] + more
      return try BuiltTool.run(arguments, signal: signal, whenOutputContains: mark)
    }
  }

  private func says(_ lines: [String]) -> String { lines.map { "echo '\($0)'" }.joined(separator: "\n") }

  @Test func printsALineAnEpisodeAndATableWhenNobodyWatches() throws {
    let outcome = try rollout(says(Self.flight))
    #expect(outcome.status == 0)
    #expect(outcome.errors.isEmpty)
    #expect(
      outcome.output == """
        a  episode 1/2  seed 7  solved in 88 steps  1.9 s  success 1/1 (100 %)  20.0 Hz
        a  episode 2/2  seed 8  not solved in 88 steps  1.9 s  success 1/2 (50 %)  20.0 Hz

        task                success    rate  95 % interval   at end  steps  limited   held
        ──────────────────  ───────  ──────  ──────────────  ──────  ─────  ───────  ─────
        a                    1 of 2  50.0 %  1.3 % – 98.7 %       1     88    0.0 %  0.0 %
        ──────────────────  ───────  ──────  ──────────────  ──────  ─────  ───────  ─────
        mean over episodes           50.0 %  1.3 % – 98.7 %
        Intervals: Clopper and Pearson for one task.
        Steps to success are medians; limited and held are shares of the control steps.
        Of an even number of values the median is the lower of the two in the middle.

        control rate  20.0 Hz (median), 99 of 100 policy steps within 50.0 ms

        latency     median ms  p99 ms
        ──────────  ─────────  ──────
        round trip      20.50   20.50

        """)
  }

  @Test func writesTheReport() throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "new/report.json")
      let outcome = try rollout(says(Self.flight), ["--json", file.path])
      #expect(outcome.status == 0)
      let data = try Data(contentsOf: file)
      let report = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
      let summary = try #require(report["summary"] as? [String: Any])
      #expect(summary["success_rate"] as? Double == 0.5)
      #expect((report["episodes"] as? [Any])?.count == 2)
    }
  }

  @Test func startsTheRobotOfTheContract() throws {
    // Isolated from the working folder and from PYTHONPATH, unbuffered; then a program and the folders of our own modules.
    let script =
      #"echo "$1 $2 $3" >&2; shift 5; echo "$@" >&2; read job; echo "$job" >&2; "# + says(Array(Self.flight.prefix(5)))
      + #"; read job; echo "$job" >&2; "# + says(Array(Self.flight.suffix(2)))
    let outcome = try rollout(script, ["--verbose", "--max-steps", "9", "--video", "v"])
    #expect(
      outcome.errors == """
        -I -u -c
        uio2_envs.worker metaworld --connect ipc:///nowhere --clock simulated --timeout 60 --require {"task":"a"}
        {"id":0,"seed":7,"step_limit":9,"stops_at_success":true,"task":"a","video":"v/a-seed7.mp4"}
        {"id":1,"seed":8,"step_limit":9,"stops_at_success":true,"task":"a","video":"v/a-seed8.mp4"}

        """)
  }

  @Test func aRequiredSuccessRateIsPartOfTheExitCode() throws {
    #expect(try rollout(says(Self.flight), ["--require-success", "0.5"]).status == 0)
    let outcome = try rollout(says(Self.flight), ["--require-success", "0.51"])
    #expect(outcome.status == 1)
    #expect(outcome.errors == "uio2: success rate 0.5 is below the required 0.51\n")
  }

  @Test(arguments: [(3, 65), (4, 69), (5, 69), (2, 70), (9, 1)])
  func theRobotsExitCodeBecomesOurs(robot: Int, expected: Int32) throws {
    let outcome = try rollout("echo no such thing >&2; exit \(robot)")
    #expect(outcome.status == expected)
    #expect(outcome.errors.contains("no such thing"))
    #expect(outcome.errors.split(separator: "\n").count == 1)
  }

  @Test func outputThatIsNoEventIsAFailure() throws {
    let outcome = try rollout("echo hello")
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("line 1"))
  }

  @Test func `a daemon that does not come is named while it is waited for`() throws {
    let outcome = try rollout("sleep 5; exit 4")
    #expect(
      outcome.errors.hasPrefix("uio2: waiting for the simulator to start and the daemon at ipc:///nowhere to answer\n"))
  }

  @Test func `a folder in which no film can be made is refused before anything is started`() throws {
    let outcome = try rollout("exit 4", ["--video", "/proc/no-such-folder"])
    #expect(outcome.status == 74, "\(outcome.errors)")
  }

  @Test func aMissingPythonIsUnavailable() throws {
    let outcome = try BuiltTool.run([
      "rollout", "--env", "metaworld:a", "--daemon", "ipc:///nowhere", "--python", "/no/such/python",
    ])
    #expect(outcome.status == 69)
    #expect(outcome.errors.hasPrefix("uio2: python_not_found: --python:"))
  }

  @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
  func aSignalEndsItCleanlyWithWhatThereIs(signal: Int32, expected: Int32) throws {
    let script =
      "trap 'exit 130' INT TERM\n" + says(Array(Self.flight.prefix(6))) + "\nwhile :; do sleep 0.05; done"
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "report.json")
      let outcome = try rollout(script, ["--json", file.path], signal: signal, mark: "episode 1/2")
      #expect(outcome.status == expected)
      #expect(outcome.errors == "uio2: ended by \(signal == SIGINT ? "SIGINT" : "SIGTERM") after 1 of 2 episodes\n")
      #expect(FileManager.default.fileExists(atPath: file.path))
    }
  }

  @Test(arguments: [
    ["rollout"], ["rollout", "--env", "metaworld"], ["rollout", "--env", "metaworld:a,a"],
    ["rollout", "--env", "metaworld:a", "--episodes", "0"], ["rollout", "--env", "metaworld:a", "--seed", "x"],
    ["rollout", "--env", "metaworld:a", "--require-success", "2"], ["rollout", "--env", "metaworld:a", "--fly"],
    ["rollout", "--env", "metaworld:a", "--daemon", "ipc:///x", "--policy", "y"],
    ["rollout", "--env", "metaworld:a", "--log-level", "loud"],
    ["rollout", "--env", "metaworld:a", "--policy", "expert", "--threads", "1"],
    ["rollout", "--env", "metaworld:a", "--python-path", "/no/such/folder"],
    ["rollout", "--env", "metaworld:a", "--max-memory", "0"],
  ])
  func wrongUsageIs64(arguments: [String]) throws {
    let outcome = try BuiltTool.run(arguments)
    #expect(outcome.status == 64)
    #expect(outcome.output.isEmpty)
    #expect(!outcome.errors.isEmpty)
  }
}
