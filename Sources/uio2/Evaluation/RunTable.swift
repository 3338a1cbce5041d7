import PolicyEvaluation
import Reporting
import RunAnalysis

/// A run's rates as text.
enum RunTable {
  static func text(_ summary: RunSummary) -> String {
    var table = TextTable(
      header: [
        "task", "group", "success", "rate", "95 % interval", "at end", "steps", "path (m)", "jerk (m/s³)", "limited",
      ],
      alignment: [.left, .left, .right, .right, .left, .right, .right, .right, .right, .right])
    for task in summary.tasks {
      table.append([
        task.name, task.group, "\(task.outcomes.successes) of \(task.outcomes.trials)",
        task.outcomes.rate.map(RateText.percent) ?? "–", RateText.interval(task.interval), "\(task.successesAtEnd)",
        RateText.number(task.medianStepsToSuccess, digits: 0), RateText.number(task.medianPathLength, digits: 2),
        RateText.number(task.medianJerk, digits: 1), task.limitedShare.map(RateText.percent) ?? "–",
      ])
    }
    table.appendRule()
    for mean in summary.means {
      table.append([
        mean.name, "", "", RateText.percent(mean.rate), RateText.interval(mean.interval), "", "", "", "", "",
      ])
    }
    var lines = [table.text]
    if summary.lost > 0 { lines.append("\(summary.lost) attempts were lost by the simulator") }
    if summary.abandoned > 0 {
      lines.append("\(summary.abandoned) episodes were given up after too many lost attempts; no rate counts them")
    }
    lines.append("Intervals: \(([RunSummary.taskMethod] + summary.meanMethods).joined(separator: "; ")).")
    lines.append(
      "Steps to success, path and jerk are medians; limited is the share of actions that the safety envelope changed.")
    return lines.joined(separator: "\n")
  }

  static func percent(_ share: Double) -> String { RateText.percent(share) }
}
