import Foundation
import PolicyEvaluation
import Reporting
import RunAnalysis

/// A run's rates as text.
enum RunTable {
  static func text(_ summary: RunSummary) -> String {
    var table = TextTable(
      header: ["task", "group", "success", "rate", "95 % interval", "steps"],
      alignment: [.left, .left, .right, .right, .left, .right])
    for task in summary.tasks {
      table.append([
        task.name, task.group, "\(task.outcomes.successes) of \(task.outcomes.trials)",
        task.outcomes.rate.map(percent) ?? "–", interval(task.interval),
        task.medianStepsToSuccess.map { "\(Int($0))" } ?? "–",
      ])
    }
    table.appendRule()
    for mean in summary.means { table.append([mean.name, "", "", percent(mean.rate), interval(mean.interval), ""]) }
    var lines = [table.text]
    if summary.lost > 0 { lines.append("\(summary.lost) attempts were lost by the simulator") }
    if summary.abandoned > 0 {
      lines.append("\(summary.abandoned) episodes were given up after too many lost attempts; no rate counts them")
    }
    lines.append("Intervals: \(RunSummary.taskMethod); \(StratifiedMean.intervalMethod).")
    return lines.joined(separator: "\n")
  }

  static func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }

  static func interval(_ range: ClosedRange<Double>) -> String {
    "\(percent(range.lowerBound)) – \(percent(range.upperBound))"
  }
}
