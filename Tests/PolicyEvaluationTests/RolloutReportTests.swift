import Foundation
import PolicyEvaluation
import Testing

/// Three episodes of two tasks whose every figure can be worked out by hand.
@Suite struct RolloutReportTests {
  static func threeEpisodes() -> RolloutReport {
    var report = RolloutReport()
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
    return report
  }

  @Test func countsSuccessesByTaskInTheOrderFlown() {
    let report = Self.threeEpisodes()
    #expect(report.tasks.map(\.name) == ["reach-v3", "push-v3"])
    #expect(report.tasks.map(\.success.successes) == [1, 1])
    #expect(report.tasks.map(\.success.episodes) == [2, 1])
    #expect(report.overall.rate == 2.0 / 3.0)
  }

  @Test func measuresControlRateFromPeriodsWithinEpisodes() {
    // Periods 40 50 60 80: the nearest-rank median is 50 ms, the 99th percentile 80 ms.
    let report = Self.threeEpisodes()
    #expect(report.controlRate == 20)
    #expect(report.p99Period == 80)
    #expect(report.episodes.map(\.controlRate) == [25, 1000.0 / 60, 12.5])
  }

  @Test func measuresLatencyByStageKnownStagesFirst() {
    // vision: 1 2 3 1 2 1 2 → sorted 1 1 1 2 2 2 3: median 2, p99 3.
    let latency = Self.threeEpisodes().latency
    #expect(latency.map(\.stage) == ["round_trip", "vision", "odd_stage"])
    #expect(latency[1].spread.median == 2)
    #expect(latency[1].spread.p99 == 3)
  }

  @Test func showsOneFilmATaskAndPrefersASuccess() {
    let videos = Self.threeEpisodes().videos
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

  @Test func anEmptyReportHasEveryKeyAndNoNumbersMadeUp() throws {
    let document = try #require(
      try JSONSerialization.jsonObject(with: RolloutReport().json()) as? [String: Any])
    let summary = try #require(document["summary"] as? [String: Any])
    let rate = try #require(summary["control_rate_hz"] as? [String: Any])
    #expect(rate["median"] is NSNull && rate["p99_period_ms"] is NSNull)
    #expect((document["episodes"] as? [Any])?.isEmpty == true)
    #expect((summary["per_task"] as? [String: Any])?.isEmpty == true)
  }

  @Test func tellsPeopleTheSame() {
    var report = Self.threeEpisodes()
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
    try Self.threeEpisodes().write(to: file)
    #expect(try Data(contentsOf: file) == Self.threeEpisodes().json())
  }

  @Test func aFileThatCannotBeWrittenIsATypedError() {
    let error = #expect(throws: RolloutError.self) {
      try RolloutReport().write(to: URL(filePath: "/dev/null/report.json"))
    }
    #expect(error?.code == .cannotWrite)
  }
}
