import Foundation
import Reporting
import RunAnalysis
import RunDatabase
import Testing

/// A run of two easy tasks and a hard one, in a folder that goes with its owner.
private final class ExampleRun {
  let folder = FileManager.default.temporaryDirectory.appending(path: "uio2-analysis-\(UUID().uuidString)")
  let database: RunDatabase

  init(
    policy: String = "mt5", suite: String = "three", rule: RunConfiguration.SuccessRule = .any,
    confidence: Double? = nil, groups: [String] = ["easy", "hard"], numpy: String? = nil,
    solves: (String, Int) -> Bool
  ) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let tasks = [("push", groups[0]), ("reach, far", groups[0]), ("stack", groups[1])]
    let episodes = tasks.flatMap { task, group in
      (0..<4).map { RunConfiguration.Episode(task: task, group: group, seed: $0) }
    }
    database = try RunDatabase(
      creating: folder.appending(path: "run.db"),
      configuration: RunConfiguration(
        subject: .init(suite: suite, suiteDigest: "1", policy: policy, policyDigest: "2", success: rule),
        episodes: episodes))
    if let numpy {
      let module = Simulator.Module(name: "numpy", version: numpy, pinned: nil, path: "/x")
      try database.record(
        WorkerRecord(
          worker: 0, policy: policy, policyDigest: "2",
          simulator: Simulator(name: "toy", python: "3.12", modules: [module])))
    }
    for episode in episodes {
      let success = solves(episode.task, episode.seed)
      let record = EpisodeRecord(
        episode: episode, successAtAnyStep: success, successAtEnd: success && episode.seed > 0, steps: 10,
        stepsToSuccess: success ? 5 + episode.seed : nil, limitedActions: 1, pathLength: 0.5, meanJerk: 12,
        wallSeconds: 1)
      let steps = [3.0, 7.0].map {
        StepRecord(
          step: 0, latency: ["round_trip": $0, "render": 1], confidence: confidence ?? (success ? 0.8 : 0.3))
      }
      try database.record(record, steps: steps)
    }
  }

  deinit { try? FileManager.default.removeItem(at: folder) }
}

@Suite("A run's summary")
struct RunSummaryTests {
  @Test func `has rates by task, by group and over all`() throws {
    let run = try ExampleRun { task, _ in task != "stack" }
    let summary = try RunSummary(run.database)
    #expect(summary.tasks.map(\.outcomes.successes) == [4, 4, 0])
    #expect(summary.tasks[0].medianStepsToSuccess == 6 && summary.tasks[2].medianStepsToSuccess == nil)
    #expect(summary.tasks[0].limitedShare == 0.1)
    // 4 of 4: (0.025)^(1/4) is the exact lower end.
    #expect(abs(summary.tasks[0].interval.lowerBound - pow(0.025, 0.25)) < 1e-12)
    let rates = Dictionary(summary.means.map { ($0.name, $0.rate) }) { first, _ in first }
    #expect(abs((rates["mean over episodes"] ?? 0) - 2.0 / 3) < 1e-12)
    #expect(rates["mean over 2 groups"] == 0.5 && rates["easy"] == 1 && rates["hard"] == 0)
    #expect(summary.means.allSatisfy { $0.interval.contains($0.rate) && !$0.method.isEmpty })
    #expect(summary.means.filter(\.isGroup).map(\.name) == ["easy", "hard"])
    // One task: its own exact interval. Two tiers, one of them one task: as wide as two such tasks would make it.
    let hard = try #require(summary.means.first { $0.name == "hard" })
    #expect(hard.interval == summary.tasks[2].interval)
    let overGroups = try #require(summary.means.first { $0.name == "mean over 2 groups" })
    #expect(overGroups.interval.upperBound - overGroups.interval.lowerBound > 0.6)
    #expect(summary.meanMethods.count == 1 && summary.meanMethods[0].contains("weighs most"))
    #expect(summary.tasks[0].medianJerk == 12 && summary.tasks[0].successesAtEnd == 3)
    #expect(summary.latencies.map(\.name) == ["round_trip", "render"])
    #expect(summary.latencies[0].median == 3 && summary.latencies[0].p99 == 7)
    #expect(summary.confidence?.areaUnderCurve == 1)
    #expect(summary.planned == 12 && summary.finished == 12)
  }

  @Test func `says nothing of a confidence that is always the same`() throws {
    let expert = try ExampleRun(policy: "expert", confidence: 1) { task, _ in task != "stack" }
    #expect(try RunSummary(expert.database).confidence == nil)
  }

  @Test func `a name is no sign of Markdown or HTML`() throws {
    let name = "<b>a|b &amp; *c* [d](e) `f`</b>"
    let database = try RunDatabase(
      inMemory: RunConfiguration(
        subject: .init(suite: "x", suiteDigest: "", policy: "<i>p</i>", policyDigest: ""),
        episodes: [.init(task: "t", group: name, seed: 0), .init(task: "u", group: "other", seed: 0)]))
    for task in [("t", name), ("u", "other")] {
      try database.record(
        EpisodeRecord(episode: .init(task: task.0, group: task.1, seed: 0), successAtAnyStep: true, steps: 1), steps: []
      )
    }
    let text = try RunExport.markdown(database)
    let shown = #"&lt;b&gt;a\|b &amp;amp; \*c\* \[d\](e) \`f\`&lt;/b&gt;"#
    #expect(text.contains("| \(shown) |") && text.contains("| **\(shown)** |"), "\(text)")
    #expect(!text.contains("<b>") && text.contains("policy &lt;i&gt;p&lt;/i&gt;"))
  }

  @Test func `counts success as the suite's rule says, in every form`() throws {
    let any = try ExampleRun { _, _ in true }
    #expect(try RunSummary(any.database).tasks[0].outcomes.successes == 4)
    let end = try ExampleRun(rule: .end) { _, _ in true }
    #expect(try RunSummary(end.database).tasks[0].outcomes.successes == 3)
    #expect(try RunComparison(end.database, end.database).tasks[0].pairs.both == 3)
    #expect(try RunExport.markdown(end.database).contains("| push | easy | 3 of 4 |"))
    let csv = try RunExport.csv(end.database).split(separator: "\r\n")
    #expect(csv[1].hasPrefix("mt5,three/push/0,push,easy,0,0,0,finished"), "the last state of seed 0 is no success")
    let error = #expect(throws: RunDatabaseError.self) { try RunComparison(any.database, end.database) }
    #expect(error?.message.contains("expected the rule of success any, found end") == true)
  }

  @Test func `an episode that was given up is in no rate`() throws {
    let run = try ExampleRun { _, _ in true }
    let plan = [0, 1].map { RunConfiguration.Episode(task: "push", seed: $0) }
    let database = try RunDatabase(
      creating: run.folder.appending(path: "abandoned.db"),
      configuration: RunConfiguration(subject: run.database.configuration.subject, episodes: plan))
    try database.record(EpisodeRecord(episode: plan[0], state: .abandoned, reason: "no scene"), steps: [])
    try database.record(EpisodeRecord(episode: plan[1], successAtAnyStep: true, steps: 3), steps: [])
    let summary = try RunSummary(database)
    #expect(summary.tasks[0].outcomes == Proportion(successes: 1, of: 1))
    #expect(summary.finished == 1 && summary.abandoned == 1 && summary.lost == 1)
    // Exports have it without an outcome.
    let cells = try RunExport.csv(database).split(separator: "\r\n")[1].components(separatedBy: ",")
    #expect(cells[5...7] == ["", "", "abandoned"])
    let line = try #require(try RunExport.jsonLines(database).split(separator: "\n").first)
    #expect(line.contains("\"success\": null, \"success_at_end\": null, \"state\": \"abandoned\""))
    #expect(try RunComparison(database, database).overall.count == 1)
  }
}

@Suite("A run that is not whole")
struct PartialRunTests {
  private static let plan = ["easy", "hard", "odd"].flatMap { group in
    [0, 1].map { RunConfiguration.Episode(task: "in-\(group)", group: group, seed: $0) }
  }

  private func summary(_ records: [EpisodeRecord]) throws -> (RunSummary, markdown: String) {
    let database = try RunDatabase(
      inMemory: RunConfiguration(
        subject: .init(suite: "three", suiteDigest: "1", policy: "mt5", policyDigest: "2"), episodes: Self.plan))
    for record in records { try database.record(record, steps: []) }
    return (try RunSummary(database), try RunExport.markdown(database))
  }

  @Test func `says so in every form, with what began late`() throws {
    let (summary, markdown) = try summary([
      EpisodeRecord(episode: Self.plan[0], successAtAnyStep: true, steps: 10, lateSteps: 4),
      EpisodeRecord(episode: Self.plan[1], state: .abandoned, reason: "no scene"),
    ])
    #expect(summary.left == 4)
    for words in [
      "1 of 6 planned episodes finished", "The run is unfinished: 4 episodes have no outcome",
      "1 episodes were given up",
      "40.0 % of the control steps began late",
    ] {
      #expect(summary.notes.contains { $0.hasPrefix(words) }, "\(words)")
      #expect(markdown.contains(words), "\(words)")
    }
  }

  @Test func `names the groups that no mean counts`() throws {
    let (summary, markdown) = try summary(
      Self.plan.map { EpisodeRecord(episode: $0, state: $0.group == "hard" ? .abandoned : .finished, steps: 1) })
    #expect(summary.untriedGroups == ["hard"] && summary.left == 0)
    #expect(markdown.contains("of which no episode finished: hard"))
    #expect(
      try self.summary(Self.plan.map { EpisodeRecord(episode: $0) }).0.notes == ["6 of 6 planned episodes finished"])
  }
}

@Suite("Two runs beside each other")
struct RunComparisonTests {
  @Test func `are paired by task and seed`() throws {
    let one = try ExampleRun { task, _ in task != "stack" }
    let other = try ExampleRun(policy: "new") { task, seed in task == "stack" ? seed < 3 : seed != 1 }
    let comparison = try RunComparison(one.database, other.database)
    #expect(comparison.overall.onlyFirst == 2 && comparison.overall.onlySecond == 3 && comparison.unpaired == 0)
    #expect(comparison.tasks.map(\.name) == ["push", "reach, far", "stack"])
    #expect(comparison.tasks[2].pairs.onlySecond == 3)
    #expect(abs(comparison.overall.mcNemarP - 1) < 1e-12)
  }

  @Test func `of different simulators are refused`() throws {
    let one = try ExampleRun(numpy: "2") { _, _ in true }, other = try ExampleRun(numpy: "3") { _, _ in true }
    let error = #expect(throws: RunDatabaseError.self) { try RunComparison(one.database, other.database) }
    #expect(error?.code == .mismatch && error?.message.contains("expected numpy 2, found 3") == true)
    #expect(try RunComparison(one.database, one.database).overall.count == 12)
  }

  @Test func `of different suites are refused`() throws {
    let one = try ExampleRun { _, _ in true }
    let other = try ExampleRun(suite: "four") { _, _ in true }
    let error = #expect(throws: RunDatabaseError.self) { try RunComparison(one.database, other.database) }
    #expect(error?.code == .mismatch)
    #expect(error?.message.contains("expected the suite three, found four") == true)
  }
}

@Suite("Exported outcomes")
struct RunExportTests {
  @Test func `as CSV have a row an outcome, quoted where needed`() throws {
    let run = try ExampleRun { _, seed in seed == 0 }
    let lines = try RunExport.csv(run.database).split(separator: "\r\n")
    #expect(lines.count == 13)
    #expect(lines[0].hasPrefix("policy_id,scenario_id,task,group,seed,success"))
    let sixth = "mt5,\"three/reach, far/0\",\"reach, far\",easy,0,1,0,finished,1,10,5,0,1,0.5,12.0,,1.0"
    #expect(lines[5].hasPrefix(sixth))
  }

  @Test(arguments: ["a\nb", "a\rb", "a\r\nb"]) func `as CSV and Markdown keep a line end in its cell`(group: String)
    throws
  {
    let run = try ExampleRun(groups: [group, "hard"]) { _, _ in true }
    #expect(try RunExport.csv(run.database).contains(",push,\"\(group)\",0,1"))
    #expect(try RunExport.markdown(run.database).contains("| push | a b | 4 of 4 |"))
  }

  @Test func `as JSON lines are JSON`() throws {
    let run = try ExampleRun(policy: "a\"b\\\u{1}") { _, seed in seed == 0 }
    for line in try RunExport.jsonLines(run.database).split(separator: "\n") {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      #expect(Set(object.keys) == Set(RunExport.columns))
      #expect(object["policy_id"] as? String == "a\"b\\\u{1}")
    }
  }

  @Test func `as Markdown have tasks and means with intervals`() throws {
    let run = try ExampleRun { _, _ in true }
    let text = try RunExport.markdown(run.database)
    #expect(text.contains("| push | easy | 4 of 4 | 100.0 % | 39.8 % – 100.0 % | 3 | 6 | 12.0 |"))
    #expect(text.contains("**mean over 2 groups**") && text.contains("Clopper and Pearson"))
  }
}

@Suite("How intervals were made")
struct IntervalMethodTests {
  @Test func `is said for each mean where there are several ways`() throws {
    // 40 easy tasks are worth 20 equal strata or more; the mean over groups, half of it one task of two, is not.
    let plan =
      (0..<80).map { RunConfiguration.Episode(task: "easy-\($0 / 2)", group: "easy", seed: $0 % 2) }
      + (0..<4).map { RunConfiguration.Episode(task: "hard-\($0 / 2)", group: "hard", seed: $0 % 2) }
    let database = try RunDatabase(
      inMemory: RunConfiguration(
        subject: .init(suite: "many", suiteDigest: "1", policy: "mt5", policyDigest: "2"), episodes: plan))
    for episode in plan { try database.record(EpisodeRecord(episode: episode, steps: 1), steps: []) }
    let methods = try RunSummary(database).meanMethods
    try #require(methods.count == 2)
    #expect(methods[0].hasPrefix("for mean over episodes, easy: stratified normal"), "\(methods)")
    #expect(methods[1].hasPrefix("for mean over 2 groups, hard: Clopper and Pearson"), "\(methods)")
  }
}
