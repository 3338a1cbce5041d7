import Foundation

extension RolloutReport {
  /// The report for people: success by task, control rate, latency by stage, films.
  public func table() -> String {
    var sections = [successTable()]
    let figures = figureLines()
    if !figures.isEmpty { sections.append(figures.joined(separator: "\n")) }
    if !latency.isEmpty { sections.append(latencyTable()) }
    if !videos.isEmpty {
      let width = videos.map(\.task.count).max() ?? 0
      let lines = videos.map { "\(TextTable.pad($0.task, to: width))  \($0.path)" }
      sections.append((["films"] + lines).joined(separator: "\n"))
    }
    return sections.joined(separator: "\n\n")
  }

  private func successTable() -> String {
    var table = TextTable(
      header: ["task", "success", "rate", "95 % interval", "median steps", "limited", "held"],
      alignment: [.left, .right, .right, .right, .right, .right, .right])
    for task in tasks {
      table.append(row(task.name, task.success, episodes.map(\.end).filter { $0.task == task.name }))
    }
    table.appendRule()
    table.append(row("all", overall, episodes.map(\.end)))
    return table.text
  }

  private func row(_ name: String, _ success: Success, _ ends: [RolloutEvent.EpisodeEnd]) -> [String] {
    let interval = success.interval
    return [
      name,
      "\(success.successes) of \(success.episodes)",
      success.rate.map(TextTable.percent) ?? "–",
      interval.map { "\(TextTable.percent($0.lowerBound)) – \(TextTable.percent($0.upperBound))" } ?? "–",
      Statistics.median(of: ends.map { Double($0.steps) }).map { String(format: "%.0f", $0) } ?? "–",
      String(ends.reduce(0) { $0 &+ $1.limitedActions }),
      String(ends.reduce(0) { $0 &+ $1.heldSteps }),
    ]
  }

  private func figureLines() -> [String] {
    var lines: [String] = []
    switch state {
    case .complete: break
    case .unfinished: lines.append("incomplete    \(episodes.count) of \(run.planned) episodes so far")
    case .cutShort(let reason): lines.append("incomplete    \(episodes.count) of \(run.planned) episodes: \(reason)")
    }
    if let controlRate {
      let slowest = p99Period.map { ", 99 of 100 policy steps within \(TextTable.number($0)) ms" } ?? ""
      lines.append("control rate  \(TextTable.number(controlRate)) Hz (median)\(slowest)")
    }
    if let peakMemory {
      let mebibytes = TextTable.number(Double(peakMemory) / 1_048_576)
      lines.append("peak memory   \(mebibytes) MiB (this process, model included)")
    }
    return lines
  }

  private func latencyTable() -> String {
    var table = TextTable(header: ["latency", "median ms", "p99 ms"], alignment: [.left, .right, .right])
    for (stage, spread) in latency {
      table.append([
        stage.replacing("_", with: " "), String(format: "%.2f", spread.median), String(format: "%.2f", spread.p99),
      ])
    }
    return table.text
  }
}
