import Files
import Foundation
import PolicyEvaluation
import Testing

/// Three episodes of two tasks whose every figure can be worked out by hand.
@Suite struct RolloutReportTests {
  static func threeEpisodes(_ state: RolloutRun.State = .complete) throws -> RolloutReport {
    var report = RolloutReport(try .sample)
    report.record(
      .ready(
        .init(
          policy: "mt5", policyDigest: "ab12", tasks: ["reach-v3", "push-v3"], episodes: 2, seed: 7,
          goalProtocol: "fresh")))
    func fly(_ task: String, seed: Int, index: Int, periods: [Double?], success: Bool, steps: Int, video: String?) {
      report.record(
        .episodeStart(
          .init(task: task, seed: seed, episode: seed - 7, index: index, total: 4, instruction: "do \(task)")))
      for (number, period) in periods.enumerated() {
        report.record(
          .step(
            .init(
              task: task, seed: seed, step: 4 * (number + 1), policySteps: number + 1, success: false, period: period,
              latency: ["vision": Double(number + 1), "round_trip": 20, "odd_stage": 1])))
      }
      report.record(
        .episodeEnd(
          .init(
            task: task, seed: seed, episode: seed - 7, success: success, steps: steps, policySteps: periods.count,
            limitedActions: 1, heldSteps: 2, wallSeconds: 1.5, video: video)))
    }
    fly("reach-v3", seed: 7, index: 0, periods: [nil, 50, 40], success: false, steps: 500, video: "f/reach-7.mp4")
    fly("reach-v3", seed: 8, index: 1, periods: [nil, 60], success: true, steps: 60, video: "f/reach-8.mp4")
    fly("push-v3", seed: 7, index: 2, periods: [nil, 80], success: true, steps: 88, video: nil)
    report.record(.done)
    report.state = state
    return report
  }

  @Test func countsSuccessesByTaskInTheOrderFlown() throws {
    let report = try Self.threeEpisodes()
    #expect(report.tasks.map(\.name) == ["reach-v3", "push-v3"])
    #expect(report.tasks.map(\.success.successes) == [1, 1])
    #expect(report.tasks.map(\.success.episodes) == [2, 1])
    #expect(report.overall.rate == 2.0 / 3.0)
  }

  @Test func measuresControlRateFromPeriodsWithinEpisodes() throws {
    // Periods 40 50 60 80: the nearest-rank median is 50 ms, the 99th percentile 80 ms.
    let report = try Self.threeEpisodes()
    #expect(report.controlRate == 20)
    #expect(report.p99Period == 80)
    #expect(report.episodes.map(\.controlRate) == [25, 1000.0 / 60, 12.5])
  }

  @Test func measuresLatencyByStageKnownStagesFirst() throws {
    // vision: 1 2 3 1 2 1 2 → sorted 1 1 1 2 2 2 3: median 2, p99 3.
    let latency = try Self.threeEpisodes().latency
    #expect(latency.map(\.stage) == ["round_trip", "vision", "odd_stage"])
    #expect(latency[1].spread.median == 2)
    #expect(latency[1].spread.p99 == 3)
  }

  @Test func showsOneFilmATaskAndPrefersASuccess() throws {
    let videos = try Self.threeEpisodes().videos
    #expect(videos.map(\.task) == ["reach-v3"])
    #expect(videos.map(\.path) == ["f/reach-8.mp4"])
  }

  @Test func writesTheJSONOfTheContract() throws {
    let data = try Self.threeEpisodes().json()
    let document = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    #expect(Set(document.keys) == ["episodes", "summary"])

    let episodes = try #require(document["episodes"] as? [[String: Any]])
    #expect(episodes.count == 3)
    let second = episodes[1]
    #expect(second["task"] as? String == "reach-v3")
    #expect(second["seed"] as? Int == 8)
    #expect(second["success"] as? Bool == true)
    #expect(second["steps"] as? Int == 60)
    #expect(second["instruction"] as? String == "do reach-v3")
    #expect(second["limited_actions"] as? Int == 1)
    #expect(second["held_steps"] as? Int == 2)
    #expect(second["video"] as? String == "f/reach-8.mp4")
    #expect(episodes[2]["video"] is NSNull)

    let summary = try #require(document["summary"] as? [String: Any])
    #expect(summary["success_rate"] as? Double == 2.0 / 3.0)
    #expect(summary["policy_digest"] as? String == "ab12")
    #expect(summary["goal_protocol"] as? String == "fresh")
    let tasks = try #require(summary["per_task"] as? [String: [String: Any]])
    #expect(Set(tasks.keys) == ["reach-v3", "push-v3"])
    #expect(tasks["reach-v3"]?["episodes"] as? Int == 2)
    #expect(tasks["reach-v3"]?["successes"] as? Int == 1)
    #expect(tasks["reach-v3"]?["success_rate"] as? Double == 0.5)
    let interval = try #require(tasks["reach-v3"]?["confidence_95"] as? [Double])
    #expect(abs(interval[0] - 0.0945) < 5e-5 && abs(interval[1] - 0.9055) < 5e-5)
    let rate = try #require(summary["control_rate_hz"] as? [String: Any])
    #expect(rate["median"] as? Double == 20)
    #expect(rate["p99_period_ms"] as? Double == 80)
    let latency = try #require(summary["latency_ms"] as? [String: [String: Double]])
    #expect(latency["vision"] == ["median": 2, "p99": 3])
  }

  @Test func `a rate over no episodes is null, and so is its interval`() throws {
    let document = try #require(
      try JSONSerialization.jsonObject(with: RolloutReport(try .sample).json()) as? [String: Any])
    let summary = try #require(document["summary"] as? [String: Any])
    #expect(summary["success_rate"] is NSNull && summary["confidence_95"] is NSNull)
    #expect(summary["flown"] as? Int == 0 && summary["planned"] as? Int == 4)
    #expect(RolloutReport(try .sample).overall.rate == nil)
    let rate = try #require(summary["control_rate_hz"] as? [String: Any])
    #expect(rate["median"] is NSNull && rate["p99_period_ms"] is NSNull)
    #expect((document["episodes"] as? [Any])?.isEmpty == true)
    #expect((summary["per_task"] as? [String: Any])?.isEmpty == true)
  }

  @Test func `the summary says what was planned and flown, and why not all of it`() throws {
    for (state, isComplete, reason) in [
      (RolloutRun.State.complete, true, nil), (.unfinished, false, "the run has not ended, or was killed"),
      (.cutShort("ended by SIGINT"), false, "ended by SIGINT"),
    ] as [(RolloutRun.State, Bool, String?)] {
      let report = try Self.threeEpisodes(state)
      let document = try JSONSerialization.jsonObject(with: report.json()) as? [String: Any]
      let summary = try #require(document?["summary"] as? [String: Any])
      #expect(summary["planned"] as? Int == 4 && summary["flown"] as? Int == 3)
      #expect(summary["complete"] as? Bool == isComplete)
      #expect(summary["incomplete_reason"] as? String == reason)
      #expect(report.table().contains("incomplete    3 of 4 episodes") == !isComplete)
    }
  }

  @Test func `the summary says what it was run with and on`() throws {
    var report = RolloutReport(try .sample)
    report.record(
      .ready(
        .init(
          policy: "mt5", policyDigest: "ab12", tasks: ["a"], episodes: 2, seed: 7, goalProtocol: "fresh",
          stepLimit: 500,
          simulator: .init(
            name: "metaworld", python: "3.12.3", pythonPath: ["/x"], renderer: "egl",
            modules: [.init(name: "mujoco", version: "3.2.0", pinned: "3.3.0", path: "/p/mujoco/__init__.py")]))))
    let document = try JSONSerialization.jsonObject(with: report.json()) as? [String: Any]
    let summary = try #require(document?["summary"] as? [String: Any])
    let run = try #require(summary["run"] as? [String: Any])
    #expect(run["clock"] as? String == "simulated" && run["weights"] as? String == "bf16" && run["seed"] as? Int == 7)
    #expect(run["step_limit"] as? Int == 500, "what the robot says, where no limit was asked for")
    #expect(run["version"] as? String == "9.9" && run["command"] as? [String] == ["uio2", "rollout"])
    #expect(run["started_at"] as? String == "2025-11-30T00:00:00Z" && run["daemon"] is NSNull)
    let machine = try #require(run["machine"] as? [String: Any])
    #expect(Set(machine.keys) == ["processor", "processors", "memory_bytes", "system"])
    let simulator = try #require(run["simulator"] as? [String: Any])
    let modules = try #require(simulator["modules"] as? [[String: String]])
    #expect(modules == [["name": "mujoco", "version": "3.2.0", "pinned": "3.3.0", "path": "/p/mujoco/__init__.py"]])
    #expect(simulator["python_path"] as? [String] == ["/x"] && simulator["renderer"] as? String == "egl")
  }

  @Test func tellsPeopleTheSame() throws {
    var report = try Self.threeEpisodes()
    report.peakMemory = 150 * 1_048_576
    #expect(
      report.table() == """
        task      success   rate  95 % interval  median steps  limited  held
        ────────  ───────  ─────  ─────────────  ────────────  ───────  ────
        reach-v3   1 of 2   50 %     9 % – 91 %            60        2     4
        push-v3    1 of 1  100 %   21 % – 100 %            88        1     2
        ────────  ───────  ─────  ─────────────  ────────────  ───────  ────
        all        2 of 3   67 %    21 % – 94 %            88        3     6

        control rate  20.0 Hz (median), 99 of 100 policy steps within 80.0 ms
        peak memory   150.0 MiB (this process, model included)

        latency     median ms  p99 ms
        ──────────  ─────────  ──────
        round trip      20.00   20.00
        vision           2.00    3.00
        odd stage        1.00    1.00

        films
        reach-v3  f/reach-8.mp4
        """)
  }

  @Test func writesFoldersAboveTheFile() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "uio2-report-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "deeper/report.json")
    try Self.threeEpisodes().write(to: OutputTarget(file.path))
    let written = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    #expect((written["episodes"] as? [Any])?.count == 3)
  }

  @Test func aFileThatCannotBeWrittenIsATypedError() throws {
    let error = #expect(throws: RolloutError.self) {
      try RolloutReport(try .sample).write(to: OutputTarget("/dev/full"))
    }
    #expect(error == RolloutError(.cannotWrite, "/dev/full", "cannot be written: No space left on device"))
  }
}
