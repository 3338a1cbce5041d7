import Foundation
import RunAnalysis
import RunDatabase
import Testing

/// Three episodes of two tasks whose every figure can be worked out by hand.
@Suite("The document of a rollout") struct RunDocumentTests {
  private static let worker = WorkerRecord(
    worker: 0, policy: "mt5", policyDigest: "ab12",
    simulator: Simulator(
      name: "metaworld", python: "3.12.3", pythonPath: ["/x"], renderer: "egl",
      modules: [.init(name: "mujoco", version: "3.2.0", pinned: "3.3.0", path: "/p/mujoco/__init__.py")]))

  private static let configuration = RunConfiguration(
    subject: .init(suite: "metaworld", suiteDigest: "", policy: "", policyDigest: ""),
    seeds: .init(first: 7, count: 2),
    episodes: ["reach-v3", "push-v3"].flatMap { task in [7, 8].map { .init(task: task, seed: $0) } })

  static func threeEpisodes() -> RunTally {
    var tally = RunTally(configuration)
    func fly(_ task: String, seed: Int, periods: [Double?], success: Bool, steps: Int, video: String?) {
      let record = EpisodeRecord(
        episode: .init(task: task, seed: seed), successAtAnyStep: success, successAtEnd: success, steps: steps,
        policySteps: periods.count, heldSteps: 2, limitedActions: 1, wallSeconds: 1.5, video: video,
        instruction: "do \(task)", goalProtocol: "fresh", stepLimit: 500)
      tally.add(
        record,
        steps: periods.enumerated().map { number, period in
          StepRecord(
            step: 4 * (number + 1), period: period,
            latency: ["vision": Double(number + 1), "round_trip": 20, "odd_stage": 1])
        })
    }
    fly("reach-v3", seed: 7, periods: [nil, 50, 40], success: false, steps: 500, video: "f/reach-7.mp4")
    fly("reach-v3", seed: 8, periods: [nil, 60], success: true, steps: 60, video: "f/reach-8.mp4")
    fly("push-v3", seed: 7, periods: [nil, 80], success: true, steps: 88, video: nil)
    return tally
  }

  private func document(
    _ tally: RunTally = threeEpisodes(), worker: WorkerRecord? = worker, state: RunDocument.State = .complete
  ) throws -> [String: Any] {
    let facts = RunDocument.Facts(
      command: ["uio2", "rollout"], start: Date(timeIntervalSince1970: 1_764_460_800), clock: "simulated",
      weights: "bf16", daemon: nil, version: "9.9")
    let bytes = try RunDocument(facts, tally, worker: worker, state: state).json()
    return try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
  }

  @Test func `has the keys of the contract`() throws {
    let document = try document()
    #expect(Set(document.keys) == ["episodes", "summary"])
    let episodes = try #require(document["episodes"] as? [[String: Any]])
    #expect(episodes.count == 3)
    #expect(
      Set(episodes[0].keys) == [
        "task", "seed", "episode", "success", "steps", "policy_steps", "limited_actions", "held_steps", "outcomes",
        "wall_s",
        "control_rate_hz", "instruction", "video",
      ])
    let second = episodes[1]
    #expect(second["task"] as? String == "reach-v3" && second["seed"] as? Int == 8 && second["episode"] as? Int == 1)
    #expect(second["success"] as? Bool == true && second["steps"] as? Int == 60)
    #expect(second["instruction"] as? String == "do reach-v3" && second["video"] as? String == "f/reach-8.mp4")
    #expect(second["limited_actions"] as? Int == 1 && second["held_steps"] as? Int == 2)
    #expect(episodes[2]["video"] is NSNull)
    // Periods within episodes alone.
    #expect(episodes.map { $0["control_rate_hz"] as? Double } == [25, 1000.0 / 60, 12.5])

    let summary = try #require(document["summary"] as? [String: Any])
    #expect(
      Set(summary.keys) == [
        "planned", "flown", "complete", "incomplete_reason", "success_rate", "confidence_95", "episodes", "successes",
        "per_task", "control_rate_hz", "latency_ms", "policy", "policy_digest", "goal_protocol", "peak_memory_bytes",
        "run",
      ])
    #expect(summary["success_rate"] as? Double == 2.0 / 3.0 && summary["policy_digest"] as? String == "ab12")
    #expect(summary["goal_protocol"] as? String == "fresh")
    let tasks = try #require(summary["per_task"] as? [String: [String: Any]])
    #expect(Set(tasks.keys) == ["reach-v3", "push-v3"])
    #expect(tasks["reach-v3"]?["episodes"] as? Int == 2 && tasks["reach-v3"]?["successes"] as? Int == 1)
    #expect(tasks["reach-v3"]?["success_rate"] as? Double == 0.5)
    // 1 of 2, Clopper and Pearson: 1 - 0.975^(1/2) and 0.975^(1/2).
    let interval = try #require(tasks["reach-v3"]?["confidence_95"] as? [Double])
    #expect(abs(interval[0] - (1 - 0.975.squareRoot())) < 1e-9 && abs(interval[1] - 0.975.squareRoot()) < 1e-9)
    // Periods 40 50 60 80: the nearest-rank median is 50 ms, the 99th percentile 80 ms.
    let rate = try #require(summary["control_rate_hz"] as? [String: Any])
    #expect(rate["median"] as? Double == 20 && rate["p99_period_ms"] as? Double == 80)
    // vision: 1 1 1 2 2 2 3.
    let latency = try #require(summary["latency_ms"] as? [String: [String: Double]])
    #expect(
      latency["vision"] == ["median": 2, "p99": 3] && Set(latency.keys) == ["vision", "round_trip", "odd_stage"])
  }

  @Test func `has a rate over no episodes as null, and its interval`() throws {
    let document = try document(RunTally(Self.configuration), worker: nil)
    let summary = try #require(document["summary"] as? [String: Any])
    #expect(summary["success_rate"] is NSNull && summary["confidence_95"] is NSNull && summary["policy"] is NSNull)
    #expect(summary["flown"] as? Int == 0 && summary["planned"] as? Int == 4)
    let rate = try #require(summary["control_rate_hz"] as? [String: Any])
    #expect(rate["median"] is NSNull && rate["p99_period_ms"] is NSNull)
    #expect((document["episodes"] as? [Any])?.isEmpty == true)
    #expect((summary["per_task"] as? [String: Any])?.isEmpty == true)
  }

  @Test func `says what was planned and flown, and why not all of it`() throws {
    for (state, isComplete, reason) in [
      (.complete, true, nil), (.unfinished, false, "the run has not ended, or was killed"),
      (.cutShort("ended by SIGINT"), false, "ended by SIGINT"),
    ] as [(RunDocument.State, Bool, String?)] {
      let summary = try #require(try document(state: state)["summary"] as? [String: Any])
      #expect(summary["planned"] as? Int == 4 && summary["flown"] as? Int == 3)
      #expect(summary["complete"] as? Bool == isComplete)
      #expect(summary["incomplete_reason"] as? String == reason)
    }
  }

  @Test func `says what it was run with and on`() throws {
    let summary = try #require(try document()["summary"] as? [String: Any])
    let run = try #require(summary["run"] as? [String: Any])
    #expect(
      Set(run.keys) == [
        "command", "started_at", "written_at", "clock", "loop", "seed", "step_limit", "weights", "daemon", "version",
        "simulator", "machine",
      ])
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
}
