public import Foundation
import Reporting
public import RunDatabase

/// What came of a rollout as `{"episodes": […], "summary": {…}}`, the document of `uio2 rollout --json` (docs/operation.md).
public struct RunDocument: Sendable {
  /// Whether all that was planned has run.
  public enum State: Sendable, Hashable {
    /// Episodes still run, or the process was killed.
    case unfinished
    /// All episodes ran.
    case complete
    /// The run was cut short, for this reason.
    case cutShort(String)
  }

  /// What was asked for and what it ran on: enough to run it again.
  public struct Facts: Sendable {
    /// The command line.
    public var command: [String]
    /// When the run began.
    public var start: Date
    /// What the deadlines of commands ran against.
    public var clock: String
    /// How the model's matrices were kept; `nil` when another process served the policy.
    public var weights: String?
    /// The address of the daemon that was named; `nil` when the policy was served by the process itself.
    public var daemon: String?
    /// Version of this program.
    public var version: String
    /// The machine of this process.
    public var machine: Machine

    /// Collects the facts of a run that begins now on this machine.
    public init(
      command: [String], start: Date = Date(), clock: String, weights: String?, daemon: String?, version: String,
      machine: Machine = .current
    ) {
      self.command = command
      self.start = start
      self.clock = clock
      self.weights = weights
      self.daemon = daemon
      self.version = version
      self.machine = machine
    }
  }

  private let facts: Facts
  private let tally: RunTally
  private let worker: WorkerRecord?
  private let state: State
  private let peakMemory: Int?

  /// - Parameters:
  ///   - worker: what the worker said when it began.
  ///   - peakMemory: the largest resident memory of the process that ran the model, in bytes.
  public init(_ facts: Facts, _ tally: RunTally, worker: WorkerRecord?, state: State, peakMemory: Int? = nil) {
    self.facts = facts
    self.tally = tally
    self.worker = worker
    self.state = state
    self.peakMemory = peakMemory
  }

  /// The text, keys sorted, indented for reading.
  ///
  /// - Throws: `EncodingError` when a number has no JSON form (none that came from a worker).
  public func json() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let document = Document(
      episodes: tally.episodes.map { Document.Episode($0, isSuccess: tally.isSuccess($0.record), of: tally) },
      summary: summary)
    return [UInt8](try encoder.encode(document)) + [UInt8(ascii: "\n")]
  }

  private var summary: Document.Summary {
    let names = tally.episodes.map(\.record.episode.task)
    let complete = state == .complete
    let reason: String? =
      switch state {
      case .complete: nil
      case .unfinished: "the run has not ended, or was killed"
      case .cutShort(let reason): reason
      }
    let overall = Document.Task(tally, of: nil)
    return Document.Summary(
      planned: tally.configuration.episodes.count, flown: overall.episodes, complete: complete,
      incomplete_reason: .init(value: reason), success_rate: overall.success_rate,
      confidence_95: overall.confidence_95, episodes: overall.episodes, successes: overall.successes,
      per_task: Dictionary(names.map { ($0, Document.Task(tally, of: $0)) }) { first, _ in first },
      control_rate_hz: .init(
        median: .init(value: tally.meter.controlRate), p99_period_ms: .init(value: tally.meter.p99Period)),
      latency_ms: Dictionary(
        tally.meter.latencies.map { ($0.name, Document.Spread(median: $0.median, p99: $0.p99)) }
      ) { first, _ in first },
      policy: .init(value: worker?.policy), policy_digest: .init(value: worker?.policyDigest),
      goal_protocol: .init(value: tally.episodes.lazy.compactMap(\.record.goalProtocol).first),
      peak_memory_bytes: .init(value: peakMemory),
      run: Document.Run(
        command: facts.command, started_at: facts.start.formatted(.iso8601), written_at: Date().formatted(.iso8601),
        clock: facts.clock, loop: tally.configuration.subject.loop ?? "chunk",
        seed: tally.configuration.seeds?.first ?? 0,
        step_limit: .init(
          value: tally.episodes.lazy.compactMap(\.record.stepLimit).first ?? tally.configuration.subject.stepLimit),
        weights: .init(value: facts.weights), daemon: .init(value: facts.daemon), version: facts.version,
        simulator: .init(value: worker?.simulator), machine: facts.machine))
  }
}

/// The file's shape; the property names are its keys.
private struct Document: Encodable {
  var episodes: [Episode]
  var summary: Summary

  struct Episode: Encodable {
    var task: String
    var seed: Int
    var episode: Int
    var success: Bool
    var steps: Int
    var policy_steps: Int
    var limited_actions: Int
    var held_steps: Int
    var outcomes: Nullable<[String: Int]>
    var wall_s: Double
    var control_rate_hz: Nullable<Double>
    var instruction: String
    var video: Nullable<String>

    init(_ episode: RunTally.Episode, isSuccess: Bool, of tally: RunTally) {
      let record = episode.record
      task = record.episode.task
      seed = record.episode.seed
      self.episode = seed - (tally.configuration.seeds?.first ?? 0)
      success = isSuccess
      steps = record.steps
      policy_steps = record.policySteps
      limited_actions = record.limitedActions
      held_steps = record.heldSteps
      outcomes = Nullable(value: record.outcomes)
      wall_s = record.wallSeconds
      control_rate_hz = Nullable(value: episode.controlRate)
      instruction = record.instruction
      video = Nullable(value: record.video)
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
  }

  /// What was asked for and what it ran on.
  struct Run: Encodable {
    var command: [String]
    var started_at: String
    var written_at: String
    var clock: String
    var loop: String
    var seed: Int
    var step_limit: Nullable<Int>
    var weights: Nullable<String>
    var daemon: Nullable<String>
    var version: String
    var simulator: Nullable<Simulator>
    var machine: Machine
  }

  struct Task: Encodable {
    var episodes: Int
    var successes: Int
    var success_rate: Nullable<Double>
    var confidence_95: Nullable<[Double]>

    /// - Parameter task: `nil`: all of them.
    init(_ tally: RunTally, of task: String?) {
      let records = tally.episodes.map(\.record).filter { task == nil || $0.episode.task == task }
      episodes = records.count
      successes = records.count(where: tally.isSuccess)
      let proportion = Proportion(successes: successes, of: episodes)
      success_rate = Nullable(value: proportion?.rate)
      let interval = proportion.flatMap { $0.trials > 0 ? $0.clopperPearsonInterval() : nil }
      confidence_95 = Nullable(value: interval.map { [$0.lowerBound, $0.upperBound] })
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
