import Foundation
import LogOutput
import Reporting
import RunAnalysis
import RunDatabase

/// A run's rates as text.
enum RunTable {
  /// Tasks, means, how they were made, and whether the run is whole.
  ///
  /// - Parameter notes: what is said of the run below its means.
  static func text(_ summary: RunSummary, notes: [String]? = nil) -> String {
    let hasGroups = summary.tasks.contains { !$0.group.isEmpty }
    // Jerk and path are measured by some simulators only.
    let hasMotion = summary.tasks.contains { $0.medianPathLength != nil }
    func cells(_ all: [(isShown: Bool, text: String)]) -> [String] { all.filter(\.isShown).map(\.text) }
    let header = [
      (true, "task"), (hasGroups, "group"), (true, "success"), (true, "rate"), (true, "95 % interval"),
      (true, "at end"), (true, "steps"), (hasMotion, "path (m)"), (hasMotion, "jerk (m/s³)"), (true, "limited"),
      (true, "held"),
    ]
    let alignment: [TextTable.Alignment] = [.left] + (hasGroups ? [.left] : []) + [.right, .right, .left]
    var table = TextTable(
      header: cells(header), alignment: alignment + Array(repeating: .right, count: header.count - alignment.count))
    for task in summary.tasks {
      table.append(
        cells([
          (true, PrintableText.line(task.name)), (hasGroups, PrintableText.line(task.group)),
          (true, "\(task.outcomes.successes) of \(task.outcomes.trials)"),
          (true, task.outcomes.rate.map(RateText.percent) ?? "–"), (true, RateText.interval(task.interval)),
          (true, "\(task.successesAtEnd)"), (true, RateText.number(task.medianStepsToSuccess, digits: 0)),
          (hasMotion, RateText.number(task.medianPathLength, digits: 2)),
          (hasMotion, RateText.number(task.medianJerk, digits: 1)),
          (true, task.limitedShare.map(RateText.percent) ?? "–"), (true, task.heldShare.map(RateText.percent) ?? "–"),
        ]))
    }
    table.appendRule()
    for mean in summary.means {
      table.append(
        cells([
          (true, PrintableText.line(mean.name)), (hasGroups, ""), (true, ""), (true, RateText.percent(mean.rate)),
          (true, RateText.interval(mean.interval)),
        ]))
    }
    var lines = [table.text] + (notes ?? summary.notes).map { PrintableText.line($0) }
    lines.append("Intervals: \(([RunSummary.taskMethod] + summary.meanMethods).joined(separator: "; ")).")
    lines.append(
      hasMotion
        ? "Steps to success, path and jerk are medians; limited and held are shares of the control steps."
        : "Steps to success are medians; limited and held are shares of the control steps.")
    lines.append("\(RunSummary.medians).")
    return lines.joined(separator: "\n")
  }

  /// The commands that worked on a run, a line each: when, with which programs, where.
  static func origin(_ sessions: [RunSession]) -> String {
    let lines = sessions.map { session in
      let programs = session.versions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
      let facts = [date(session.date)] + programs + [session.machine]
      return "  " + facts.filter { !$0.isEmpty }.joined(separator: ", ") + ": " + session.command
    }
    return (["made by"] + lines.map { PrintableText.line($0) }).joined(separator: "\n")
  }

  /// A moment of Coordinated Universal Time, to the minute.
  static func date(_ date: Date) -> String {
    String(date.formatted(.iso8601.dateTimeSeparator(.space)).prefix(16)) + " UTC"
  }

  /// The table of a rollout with what its daemon, its simulator and its process took, and its films.
  ///
  /// - Parameter incomplete: why not all episodes ran.
  static func text(_ tally: RunTally, incomplete: String?, peakMemory: Int?) -> String {
    let summary = RunSummary(tally)
    // Whether it is whole is told below.
    var sections = [text(summary, notes: Array(summary.notes.dropFirst(summary.left > 0 ? 2 : 1)))]
    var figures: [String] = []
    if let incomplete {
      figures.append("incomplete    \(summary.finished) of \(summary.planned) episodes: \(incomplete)")
    }
    if let rate = summary.controlRate {
      let slowest = summary.p99Period.map { ", 99 of 100 policy steps within \(TextTable.number($0)) ms" } ?? ""
      figures.append("control rate  \(TextTable.number(rate)) Hz (median)\(slowest)")
    }
    if let peakMemory {
      let mebibytes = TextTable.number(Double(peakMemory) / 1_048_576)
      figures.append("peak memory   \(mebibytes) MiB (this process, model included)")
    }
    if !figures.isEmpty { sections.append(figures.joined(separator: "\n")) }
    if !summary.latencies.isEmpty { sections.append(latency(summary.latencies)) }
    let films = films(tally)
    if !films.isEmpty {
      let width = films.map(\.task.count).max() ?? 0
      sections.append(
        (["films"] + films.map { "\(TextTable.pad($0.task, to: width))  \($0.path)" }).joined(separator: "\n"))
    }
    return sections.joined(separator: "\n\n")
  }

  /// The stages of a policy step in the order in which they come; others follow.
  private static let stageOrder = [
    "render", "round_trip", "queue", "decode", "preprocess", "vision", "encode", "generate", "post", "simulate",
  ]

  private static func latency(_ latencies: [RunSummary.Latency]) -> String {
    var table = TextTable(header: ["latency", "median ms", "p99 ms"], alignment: [.left, .right, .right])
    let known = stageOrder.compactMap { name in latencies.first { $0.name == name } }
    for stage in known + latencies.filter({ !stageOrder.contains($0.name) }).sorted(by: { $0.name < $1.name }) {
      table.append([
        stage.name.replacing("_", with: " "), RateText.number(stage.median, digits: 2),
        RateText.number(stage.p99, digits: 2),
      ])
    }
    return table.text
  }

  /// One film for each task that has any: of its first success, else of its first episode.
  private static func films(_ tally: RunTally) -> [(task: String, path: String)] {
    var tasks: [String] = []
    for record in tally.episodes.map(\.record) where record.video != nil && !tasks.contains(record.episode.task) {
      tasks.append(record.episode.task)
    }
    return tasks.compactMap { task in
      let records = tally.episodes.map(\.record).filter { $0.episode.task == task && $0.video != nil }
      return (records.first(where: tally.isSuccess) ?? records.first)?.video.map { (task, $0) }
    }
  }
}
