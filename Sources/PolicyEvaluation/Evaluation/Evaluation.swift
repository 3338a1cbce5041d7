public import Foundation
public import Processes
public import RunDatabase
import Synchronization

/// Runs the episodes of a plan on workers, which are simulator processes, and records each as it ends.
///
/// A worker that crashes, hangs or uses too much memory costs one attempt at one episode, which is tried again. What cannot be mended
/// by trying again, such as a policy that does not fit the robot or a simulator that is not installed, ends the evaluation.
public final class Evaluation: Sendable {
  /// What happens when a worker loses its episode.
  public enum LossRule: Sendable, Hashable {
    /// The episode is tried again, so many times in all; lost once more, it is abandoned.
    case retry(attempts: Int)
    /// The evaluation ends with the worker's error.
    case end
  }

  /// What ``Evaluation/interrupt(by:)`` does at first; a second one always kills the workers.
  public enum Interruption: Sendable, Hashable {
    /// The episodes that run are finished.
    case finish
    /// The workers get the signal, and some seconds to heed it.
    case now
  }

  /// Where films of the episodes go.
  public struct Videos: Sendable, Hashable {
    /// The folder, as workers are told of it.
    public var folder: String
    /// The folder, as the record names it.
    public var recorded: String

    /// Collects the parts.
    public init(folder: String, recorded: String) {
      self.folder = folder
      self.recorded = recorded
    }
  }

  /// How the work is shared out.
  public struct Options: Sendable, Hashable {
    /// Simulator processes, at least 1.
    public var workers = 1
    /// What happens when a worker loses its episode.
    public var onLoss = LossRule.retry(attempts: 3)
    /// Attempts in a row, of all workers, that may be lost without a finished episode between them; one more ends the evaluation.
    public var lossesInARow = 9
    /// What an interruption does at first.
    public var interruption = Interruption.finish
    /// How long a worker may report nothing before it counts as hung.
    public var patience: Duration = .seconds(120)
    /// Mebibytes that a worker may use before it is replaced between two episodes.
    public var maximumMemory = 3000.0
    /// Where films of the episodes go; `nil`: none are made.
    public var videos: Videos?

    /// The defaults of each property.
    public init() {}
  }

  /// What happens during an evaluation.
  public enum Event: Sendable, Hashable {
    /// A worker has begun.
    case ready(WorkerRecord)
    /// A worker begins an attempt.
    case began(RunConfiguration.Episode, worker: Int)
    /// A worker has reported a policy step of its episode.
    case stepped(StepRecord, worker: Int)
    /// A worker has reported nothing for so long.
    case silence(Duration, worker: Int)
    /// An attempt was recorded with its steps, whatever became of it.
    case recorded(EpisodeRecord, steps: [StepRecord])
    /// A worker wrote a line for people.
    case said(String, worker: Int)
  }

  struct State {
    var scheduler: EpisodeScheduler
    var children: [Int: ChildProcess] = [:]
    var isStopping = false
    /// What a worker that starts now gets at once: the evaluation is being ended.
    var signal: Int32?
    var lossesInARow = 0
    /// Whether a worker has begun: another one that cannot is a loss.
    var hasBegun = false
    var failure: RolloutError?
  }

  let suite: Suite
  let database: RunDatabase
  let options: Options
  let command: @Sendable (_ worker: Int) -> ChildProcess.Command
  let onEvent: @Sendable (Event) -> Void
  let state: Mutex<State>

  /// - Parameters:
  ///   - suite: gives the step limit and the rule of success.
  ///   - database: the run, new or to be gone on with; its configuration is the plan.
  ///   - command: starts a worker.
  ///   - onEvent: called from the workers' threads, one call at a time for each worker.
  /// - Throws: ``RolloutError`` `.cannotRead` when the run so far cannot be read.
  public init(
    suite: Suite, database: RunDatabase, options: Options,
    command: @escaping @Sendable (_ worker: Int) -> ChildProcess.Command,
    onEvent: @escaping @Sendable (Event) -> Void = { _ in }
  ) throws(RolloutError) {
    let episodes = database.configuration.episodes
    let remaining: [RunConfiguration.Episode: Int]
    do throws(RunDatabaseError) {
      let rows = try database.remaining().map { ($0.episode, $0.lostAttempts) }
      remaining = Dictionary(rows) { first, _ in first }
    } catch {
      throw RolloutError(.cannotRead, error.subject, error.message)
    }
    var lost: [Int: Int] = [:]
    var settled: Set<Int> = []
    for (place, episode) in episodes.enumerated() {
      if let attempts = remaining[episode] { lost[place] = attempts } else { settled.insert(place) }
    }
    let attempts = if case .retry(let attempts) = options.onLoss { attempts } else { 1 }
    self.suite = suite
    self.database = database
    self.options = options
    self.command = command
    self.onEvent = onEvent
    state = Mutex(
      State(
        scheduler: EpisodeScheduler(
          tasks: episodes.map(\.task), lostAttempts: lost, settled: settled, maximumAttempts: attempts)))
  }

  /// Asks the evaluation to end, as ``Options/interruption`` says. Asked again, it kills the workers: the episodes that run are given up, and
  /// run anew when the run is gone on with. May be called from any thread.
  ///
  /// - Parameter signal: passed on to the workers, SIGINT as it is and any other as SIGTERM.
  public func interrupt(by signal: Int32 = SIGINT) {
    let (passed, children) = state.withLock { state -> (Int32?, [ChildProcess]) in
      if state.isStopping {
        state.signal = SIGKILL
      } else if options.interruption == .now {
        state.signal = signal == SIGINT ? SIGINT : SIGTERM
      }
      state.isStopping = true
      return (state.signal, Array(state.children.values))
    }
    guard let passed else { return }
    for child in children { child.endWith(passed) }
    guard passed != SIGKILL else { return }
    DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(Int(WorkerProcess.grace / .seconds(1)))) { [self] in
      for child in state.withLock({ Array($0.children.values) }) { child.send(SIGKILL) }
    }
  }

  /// Runs until every episode has an outcome, or until ``interrupt(by:)``.
  ///
  /// - Throws: ``RolloutError``: what ended the evaluation before its time. Everything recorded until then stays.
  public func run() throws(RolloutError) {
    let group = DispatchGroup()
    for worker in 0..<max(1, options.workers) {
      group.enter()
      let thread = Thread { [self] in
        serve(worker)
        group.leave()
      }
      thread.name = "worker \(worker)"
      thread.start()
    }
    group.wait()
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }
}

extension ChildProcess {
  /// Sends a signal that ends, to a stopped process too.
  func endWith(_ signal: Int32) {
    send(signal)
    send(SIGCONT)
  }
}
