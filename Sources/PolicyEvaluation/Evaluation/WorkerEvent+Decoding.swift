import Foundation
import RunDatabase

extension WorkerEvent {
  /// Reads one line of the worker's standard output.
  ///
  /// - Parameters:
  ///   - line: the line's bytes, without its end.
  ///   - number: the line's number from 1, for the error.
  /// - Throws: ``RolloutError`` `.malformedEvent` naming the line and the field at fault.
  package init(line: [UInt8], number: Int) throws(RolloutError) {
    do { self = try JSONDecoder().decode(Self.self, from: Data(line)) } catch {
      throw RolloutError(
        .malformedEvent, "line \(number) of the robot's output", "\(Self.explain(error)) in: \(Self.excerpt(of: line))")
    }
  }

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

extension WorkerEvent: Decodable {
  private enum CodingKeys: String, CodingKey { case event, id }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    switch try values.decode(String.self, forKey: .event) {
    case "ready": self = .ready(try Ready(from: decoder))
    case "episode_start": self = .episodeStart(try EpisodeStart(from: decoder).checked())
    case "step": self = .step(try Step(from: decoder).checked())
    case "episode_end": self = .episodeEnd(try EpisodeEnd(from: decoder).checked())
    case "episode_failed":
      self = .episodeFailed(id: try values.decode(Int.self, forKey: .id), try Failure(from: decoder))
    case "failed": self = .failed(try Failure(from: decoder))
    case let name: throw Violation(field: "event", problem: "“\(name.prefix(40))” is not an event's name")
    }
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

/// Counts are bounded, so that no sum of them overflows.
private func requireCounts(_ counts: [(field: String, count: Int?)]) throws {
  for case (let field, let count?) in counts {
    try require((0...Int(Int32.max)).contains(count), field, "\(count) is not a number of things counted")
  }
}

extension WorkerEvent.EpisodeStart {
  fileprivate func checked() throws -> Self {
    try requireCounts([("step_limit", stepLimit)])
    return self
  }
}

extension WorkerEvent.Step: Decodable {
  enum CodingKeys: String, CodingKey {
    case id, step, success, confidence, proprioception, tokens, commands, reward
    case period = "period_ms"
    case latency = "latency_ms"
    case limited = "limit_flags"
  }

  /// Leaves out stages whose duration is `null`: the robot's word for a number that JSON cannot say.
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    id = try values.decode(Int.self, forKey: .id)
    record = StepRecord(
      step: try values.decode(Int.self, forKey: .step),
      period: try values.decodeIfPresent(Double.self, forKey: .period),
      latency: try values.decode([String: Double?].self, forKey: .latency).compactMapValues(\.self),
      proprioception: try values.decodeIfPresent([Double].self, forKey: .proprioception) ?? [],
      tokens: try values.decodeIfPresent([Int32].self, forKey: .tokens) ?? [],
      confidence: try values.decodeIfPresent(Double.self, forKey: .confidence),
      commands: try values.decodeIfPresent([[Double]].self, forKey: .commands) ?? [],
      limited: try values.decodeIfPresent(UInt32.self, forKey: .limited) ?? 0,
      reward: try values.decodeIfPresent(Double.self, forKey: .reward),
      success: try values.decode(Bool.self, forKey: .success))
  }

  fileprivate func checked() throws -> Self {
    try requireCounts([("step", record.step)])
    if let period = record.period {
      try require(period.isFinite && period >= 0, "period_ms", "\(period) is not a duration")
    }
    for (stage, value) in record.latency {
      try require(value.isFinite && value >= 0, "latency_ms.\(stage.prefix(40))", "\(value) is not a duration")
    }
    if let confidence = record.confidence {
      try require((0...1).contains(confidence), "confidence", "\(confidence) is not a probability")
    }
    return self
  }
}

extension WorkerEvent.EpisodeEnd {
  fileprivate func checked() throws -> Self {
    try require(!task.isEmpty, "task", "no task is named")
    try requireCounts([
      ("steps", steps), ("policy_steps", policySteps), ("steps_to_success", stepsToSuccess),
      ("held_steps", heldSteps), ("late_steps", lateSteps), ("skipped_actions", skippedActions),
      ("limited_actions", limitedActions),
    ])
    for (outcome, count) in outcomes ?? [:] {
      let isName =
        !outcome.isEmpty && outcome.utf8.count <= 64 && outcome.utf8.allSatisfy { (0x21...0x7E).contains($0) }
      try require(isName, "outcomes", "“\(outcome.prefix(40))” is not an outcome's name")
      try requireCounts([("outcomes.\(outcome)", count)])
    }
    for (field, value) in [
      ("wall_s", wallSeconds), ("path_length", pathLength), ("mean_jerk", meanJerk), ("peak_memory_mib", peakMemory),
    ] {
      guard let value else { continue }
      try require(value.isFinite && value >= 0, field, "\(value) is not a measure")
    }
    return self
  }
}
