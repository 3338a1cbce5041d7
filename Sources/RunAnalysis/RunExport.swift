import Reporting
public import RunDatabase

/// A run's outcomes in forms that other programs read.
public enum RunExport {
  /// The columns of ``csv(_:)``; `robostats` and spreadsheets read them by name. `success` is by the suite's rule. An episode that was given
  /// up has neither success nor failure: both columns are empty.
  public static let columns = [
    "policy_id", "scenario_id", "task", "group", "seed", "success", "success_at_end", "state", "attempt", "steps",
    "steps_to_success", "held_steps", "limited_actions", "path_length_m", "mean_jerk_m_per_s3", "other_task",
    "wall_s", "outcomes",
  ]

  /// Comma-separated values (RFC 4180), a header and a row an outcome.
  public static func csv(_ database: RunDatabase) throws(RunDatabaseError) -> String {
    var lines = [columns.joined(separator: ",")]
    for outcome in try database.outcomes() {
      lines.append(fields(outcome, database.configuration).map { quoted($0.text) }.joined(separator: ","))
    }
    return lines.joined(separator: "\r\n") + "\r\n"
  }

  /// One JSON object a line with the same fields; what is not known is `null`.
  public static func jsonLines(_ database: RunDatabase) throws(RunDatabaseError) -> String {
    var text = ""
    for outcome in try database.outcomes() {
      let members = zip(columns, fields(outcome, database.configuration)).map { "\(string($0)): \($1.json)" }
      text += "{\(members.joined(separator: ", "))}\n"
    }
    return text
  }

  /// A table of the tasks and means for a document.
  public static func markdown(_ database: RunDatabase) throws(RunDatabaseError) -> String {
    let summary = try RunSummary(database)
    var lines = [
      "| task | group | success | rate | 95 % interval | at the end | steps to success | jerk (m/s³) |",
      "| --- | --- | ---: | ---: | --- | ---: | ---: | ---: |",
    ]
    for task in summary.tasks {
      let cells = [
        escaped(task.name), escaped(task.group), "\(task.outcomes.successes) of \(task.outcomes.trials)",
        task.outcomes.rate.map(RateText.percent) ?? "–", RateText.interval(task.interval), "\(task.successesAtEnd)",
        RateText.number(task.medianStepsToSuccess, digits: 0), RateText.number(task.medianJerk, digits: 1),
      ]
      lines.append("| \(cells.joined(separator: " | ")) |")
    }
    for mean in summary.means {
      lines.append(
        "| **\(escaped(mean.name))** | | | \(RateText.percent(mean.rate)) | \(RateText.interval(mean.interval)) | | | |"
      )
    }
    let subject = database.configuration.subject
    let methods = ([RunSummary.taskMethod] + summary.meanMethods).joined(separator: "; ")
    lines += ["", escaped("Suite \(subject.suite), policy \(subject.policy), \(subject.mode). Intervals: \(methods).")]
    lines += ["", escaped("\(summary.notes.map { $0 + "." }.joined(separator: " ")) \(RunSummary.medians)."), ""]
    return lines.joined(separator: "\n")
  }

  private enum Field {
    case word(String)
    case number(String)
    case flag(Bool)
    case absent

    var text: String {
      switch self {
      case .word(let text), .number(let text): text
      case .flag(let value): value ? "1" : "0"
      case .absent: ""
      }
    }

    var json: String {
      switch self {
      case .word(let text): RunExport.string(text)
      case .number(let text): text
      case .flag(let value): value ? "true" : "false"
      case .absent: "null"
      }
    }
  }

  private static func fields(_ outcome: EpisodeRecord, _ configuration: RunConfiguration) -> [Field] {
    func number(_ value: Double?) -> Field { value.flatMap { $0.isFinite ? Field.number("\($0)") : nil } ?? .absent }
    func flag(_ value: Bool) -> Field { outcome.state == .finished ? .flag(value) : .absent }
    let episode = outcome.episode
    return [
      .word(configuration.subject.policy), .word("\(configuration.subject.suite)/\(episode.task)/\(episode.seed)"),
      .word(episode.task), .word(episode.group), .number("\(episode.seed)"),
      flag(outcome.isSuccess(by: configuration.subject.success)), flag(outcome.successAtEnd),
      .word(outcome.state.rawValue), .number("\(outcome.attempt)"),
      .number("\(outcome.steps)"), outcome.stepsToSuccess.map { .number("\($0)") } ?? .absent,
      .number("\(outcome.heldSteps)"), .number("\(outcome.limitedActions)"), number(outcome.pathLength),
      number(outcome.meanJerk), outcome.otherTask.map { .word($0) } ?? .absent,
      number(outcome.wallSeconds), outcome.outcomes.map { .word(words(of: $0)) } ?? .absent,
    ]
  }

  /// `done 3, nothing_there 1`, in the order of the alphabet.
  private static func words(of outcomes: [String: Int]) -> String {
    outcomes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
  }

  private static func quoted(_ text: String) -> String {
    // By scalars: CR LF is one character, and neither CR nor LF is equal to it.
    guard text.unicodeScalars.contains(where: { ",\"\r\n".unicodeScalars.contains($0) }) else { return text }
    return "\"\(text.replacing("\"", with: "\"\""))\""
  }

  private static func string(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case _ where scalar.value < 0x20:
        let hex = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// Text as itself: on one line, which no sign of Markdown or HTML is read from.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.split(whereSeparator: \.isNewline).joined(separator: " ").unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\\", "|", "`", "*", "[", "]", "~": result += "\\\(scalar)"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
