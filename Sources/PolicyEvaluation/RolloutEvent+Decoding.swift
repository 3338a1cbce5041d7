import Foundation

extension RolloutEvent {
  /// Reads one line of the robot's standard output.
  ///
  /// - Parameters:
  ///   - line: the line's bytes, without its end.
  ///   - number: the line's number from 1, for the error.
  /// - Throws: ``RolloutError`` `.malformedEvent` naming the line and the field at fault.
  public init(line: [UInt8], number: Int) throws(RolloutError) {
    do {
      let data = Data(line)
      let decoder = JSONDecoder()
      switch try decoder.decode(Name.self, from: data).event {
      case "ready": self = .ready(try decoder.decode(Ready.self, from: data).checked())
      case "episode_start": self = .episodeStart(try decoder.decode(EpisodeStart.self, from: data).checked())
      case "step": self = .step(try decoder.decode(Step.self, from: data).checked())
      case "episode_end": self = .episodeEnd(try decoder.decode(EpisodeEnd.self, from: data).checked())
      case "failed": self = .failed(try decoder.decode(Failure.self, from: data))
      case "done": self = .done
      case let name: throw Violation(field: "event", problem: "“\(name.prefix(40))” is not an event's name")
      }
    } catch {
      throw RolloutError(
        .malformedEvent, "line \(number) of the robot's output", "\(Self.explain(error)) in: \(Self.excerpt(of: line))")
    }
  }

  private struct Name: Decodable { var event: String }

  private static func explain(_ error: any Error) -> String {
    switch error {
    case let violation as Violation:
      return "\(violation.field): \(violation.problem)"
    case DecodingError.keyNotFound(let key, let context):
      return "\(path(context.codingPath + [key])) is missing"
    case DecodingError.typeMismatch(let type, let context):
      return "\(path(context.codingPath)) is no \(type)"
    case DecodingError.valueNotFound(let type, let context):
      return "\(path(context.codingPath)) is null and should be \(type)"
    case DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty:
      return "\(path(context.codingPath)) cannot be read"
    default:
      return "not a JSON object"
    }
  }

  private static func path(_ keys: [any CodingKey]) -> String {
    keys.isEmpty ? "the line" : keys.map(\.stringValue).joined(separator: ".")
  }

  /// The line's beginning, fit for an error message: control characters would spoil a terminal.
  private static func excerpt(of line: [UInt8]) -> String {
    let text = String(decoding: line.prefix(160), as: UTF8.self)
    let printable = String(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : Character($0) })
    return line.count > 160 ? printable + " …" : printable
  }
}

/// A field that has the right type and a senseless value.
private struct Violation: Error {
  var field: String
  var problem: String
}

private func require(_ condition: Bool, _ field: String, _ problem: @autoclosure () -> String) throws {
  guard condition else { throw Violation(field: field, problem: problem()) }
}

extension RolloutEvent.Ready {
  fileprivate func checked() throws -> Self {
    try require(!tasks.isEmpty, "tasks", "no task is named")
    try require(episodes > 0, "episodes", "\(episodes) is not a number of episodes")
    return self
  }
}

extension RolloutEvent.EpisodeStart {
  fileprivate func checked() throws -> Self {
    try require(!task.isEmpty, "task", "no task is named")
    try require(total > 0, "total", "\(total) is not a number of episodes")
    try require((0..<total).contains(index), "index", "\(index) is not below \(total)")
    try require(episode >= 0, "episode", "\(episode) is negative")
    return self
  }
}

extension RolloutEvent.Step {
  fileprivate func checked() throws -> Self {
    try require(!task.isEmpty, "task", "no task is named")
    try require(step >= 0 && policySteps >= 0 && limited >= 0, "step", "a negative count")
    if let period { try require(period.isFinite && period >= 0, "period_ms", "\(period) is not a duration") }
    for (stage, value) in latency {
      try require(value.isFinite && value >= 0, "latency_ms.\(stage.prefix(40))", "\(value) is not a duration")
    }
    if let confidence { try require(confidence.isFinite, "confidence", "\(confidence) is not a probability") }
    return self
  }
}

extension RolloutEvent.EpisodeEnd {
  fileprivate func checked() throws -> Self {
    try require(!task.isEmpty, "task", "no task is named")
    try require(steps >= 0 && policySteps >= 0, "steps", "a negative count")
    try require(limitedActions >= 0 && heldSteps >= 0, "limited_actions", "a negative count")
    try require(wallSeconds.isFinite && wallSeconds >= 0, "wall_s", "\(wallSeconds) is not a duration")
    return self
  }
}
