import Files
import Foundation
import RunDatabase

extension RolloutReport {
  /// The report as `{"episodes": […], "summary": {…}}`, keys sorted, indented for reading.
  ///
  /// - Throws: ``RolloutError`` `.cannotWrite` when a number has no JSON form (none that came from events).
  public func json() throws(RolloutError) -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      return try encoder.encode(Document(self)) + Data("\n".utf8)
    } catch {
      throw RolloutError(.cannotWrite, "report", "\(error)")
    }
  }

  /// Writes ``json()`` to `target`: a regular file whole or not at all.
  ///
  /// - Throws: ``RolloutError`` `.cannotWrite` naming the file.
  public func write(to target: OutputTarget) throws(RolloutError) {
    let data = try json()
    do throws(FileError) { try target.write(Array(data)) } catch { throw RolloutError(error) }
  }
}

/// The file's shape; the property names are its keys.
private struct Document: Encodable {
  var episodes: [Episode]
  var summary: Summary

  init(_ report: RolloutReport) {
    episodes = report.episodes.map(Episode.init)
    summary = Summary(report)
  }

  struct Episode: Encodable {
    var task: String
    var seed: Int
    var episode: Int
    var success: Bool
    var steps: Int
    var policy_steps: Int
    var limited_actions: Int
    var held_steps: Int
    var wall_s: Double
    var control_rate_hz: Nullable<Double>
    var instruction: String
    var video: Nullable<String>

    init(_ episode: RolloutReport.Episode) {
      task = episode.end.task
      seed = episode.end.seed
      self.episode = episode.end.episode
      success = episode.end.success
      steps = episode.end.steps
      policy_steps = episode.end.policySteps
      limited_actions = episode.end.limitedActions
      held_steps = episode.end.heldSteps
      wall_s = episode.end.wallSeconds
      control_rate_hz = Nullable(value: episode.controlRate)
      instruction = episode.instruction
      video = Nullable(value: episode.end.video)
    }
  }

  struct Summary: Encodable {
    var planned: Int
    var flown: Int
    var complete: Bool
    var incomplete_reason: Nullable<String>
    var success_rate: Nullable<Double>
    var confidence_95: Nullable<[Double]>
    var episodes: Int
    var successes: Int
    var per_task: [String: Task]
    var control_rate_hz: Rate
    var latency_ms: [String: Spread]
    var policy: Nullable<String>
    var policy_digest: Nullable<String>
    var goal_protocol: Nullable<String>
    var peak_memory_bytes: Nullable<Int>
    var run: Run

    init(_ report: RolloutReport) {
      let overall = report.overall
      planned = report.run.planned
      flown = overall.episodes
      switch report.state {
      case .complete: (complete, incomplete_reason) = (true, Nullable(value: nil))
      case .unfinished: (complete, incomplete_reason) = (false, Nullable(value: "the run has not ended, or was killed"))
      case .cutShort(let reason): (complete, incomplete_reason) = (false, Nullable(value: reason))
      }
      success_rate = Nullable(value: overall.rate)
      confidence_95 = Nullable(value: overall.bounds)
      episodes = overall.episodes
      successes = overall.successes
      per_task = Dictionary(
        report.tasks.map { ($0.name, Task($0.success)) }, uniquingKeysWith: { first, _ in first })
      control_rate_hz = Rate(
        median: Nullable(value: report.controlRate), p99_period_ms: Nullable(value: report.p99Period))
      latency_ms = Dictionary(
        report.latency.map { ($0.stage, Spread(median: $0.spread.median, p99: $0.spread.p99)) },
        uniquingKeysWith: { first, _ in first })
      policy = Nullable(value: report.ready?.policy)
      policy_digest = Nullable(value: report.ready?.policyDigest)
      goal_protocol = Nullable(value: report.ready?.goalProtocol)
      peak_memory_bytes = Nullable(value: report.peakMemory)
      run = Run(report)
    }
  }

  /// What was asked for and what it ran on.
  struct Run: Encodable {
    var command: [String]
    var started_at: String
    var written_at: String
    var clock: String
    var seed: Int
    var step_limit: Nullable<Int>
    var weights: Nullable<String>
    var daemon: Nullable<String>
    var version: String
    var simulator: Nullable<RolloutEvent.Simulator>
    var machine: Machine

    init(_ report: RolloutReport) {
      let run = report.run
      command = run.command
      started_at = run.start.formatted(.iso8601)
      written_at = Date().formatted(.iso8601)
      clock = run.clock.rawValue
      seed = run.seed
      step_limit = Nullable(value: report.ready?.stepLimit ?? run.stepLimit)
      weights = Nullable(value: run.weights)
      daemon = Nullable(value: run.daemon)
      version = run.version
      simulator = Nullable(value: report.ready?.simulator)
      machine = run.machine
    }
  }

  struct Task: Encodable {
    var episodes: Int
    var successes: Int
    var success_rate: Nullable<Double>
    var confidence_95: Nullable<[Double]>

    init(_ success: RolloutReport.Success) {
      episodes = success.episodes
      successes = success.successes
      success_rate = Nullable(value: success.rate)
      confidence_95 = Nullable(value: success.bounds)
    }
  }

  struct Rate: Encodable {
    var median: Nullable<Double>
    var p99_period_ms: Nullable<Double>
  }

  struct Spread: Encodable {
    var median: Double
    var p99: Double
  }

  /// A key that is always there, `null` without a value: readers need not tell a missing key from a missing measurement.
  struct Nullable<Value: Encodable>: Encodable {
    var value: Value?

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      if let value { try container.encode(value) } else { try container.encodeNil() }
    }
  }
}

extension RolloutReport.Success {
  /// The ends of the interval.
  fileprivate var bounds: [Double]? { interval.map { [$0.lowerBound, $0.upperBound] } }
}
