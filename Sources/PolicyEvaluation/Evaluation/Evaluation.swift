public import Foundation
public import Processes
public import RunDatabase
import Synchronization

/// Runs the episodes of a plan on workers, which are simulator processes, and records each as it ends.
///
/// A worker that crashes, hangs or uses too much memory costs one attempt at one episode, which is tried again. What cannot be mended
/// by trying again, such as a policy that does not fit the robot, ends the evaluation.
public final class Evaluation: Sendable {
  /// How the work is shared out.
  public struct Options: Sendable, Hashable {
    /// Simulator processes, at least 1.
    public var workers = 1
    /// Attempts at one episode before it counts as abandoned.
    public var maximumAttempts = 3
    /// How long a worker may report nothing before it counts as hung.
    public var patience: Duration = .seconds(120)
    /// Mebibytes that a worker may use before it is replaced between two episodes.
    public var maximumMemory = 3000.0
    /// Where videos of the episodes go; `nil`: none are made.
    public var videos: URL?

    /// The defaults of each property.
    public init() {}
  }

  /// What happens during an evaluation.
  public enum Event: Sendable, Hashable {
    /// A worker begins an attempt.
    case began(RunConfiguration.Episode, worker: Int)
    /// An attempt was recorded, whatever became of it.
    case recorded(EpisodeRecord)
    /// A worker wrote a line for people.
    case said(String, worker: Int)
  }

  private struct State {
    var scheduler: EpisodeScheduler
    var children: [Int: ChildProcess] = [:]
    var isStopping = false
    var failure: RolloutError?
  }

  private let suite: Suite
  private let database: RunDatabase
  private let options: Options
  private let command: @Sendable (_ worker: Int) -> ChildProcess.Command
  private let onEvent: @Sendable (Event) -> Void
  private let state: Mutex<State>

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
    let scheduler = EpisodeScheduler(
      tasks: episodes.map(\.task), lostAttempts: lost, settled: settled, maximumAttempts: options.maximumAttempts)
    self.suite = suite
    self.database = database
    self.options = options
    self.command = command
    self.onEvent = onEvent
    state = Mutex(State(scheduler: scheduler))
  }

  /// Episodes without an outcome.
  public var remaining: Int { state.withLock { $0.scheduler.remaining } }

  /// Asks the evaluation to end: the episodes that run are finished and recorded. Asked again, they are given up and run anew when the run is
  /// gone on with.
  public func interrupt() {
    let children = state.withLock { state -> [ChildProcess] in
      defer { state.isStopping = true }
      return state.isStopping ? Array(state.children.values) : []
    }
    for child in children { child.send(SIGKILL) }
  }

  /// Runs until every episode has an outcome, or until ``interrupt()``.
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

  // MARK: One worker

  private func serve(_ worker: Int) {
    var process: WorkerProcess?
    var task: String?
    while let attempt = next(worker, after: task) {
      do throws(RolloutError) {
        if process == nil { process = try start(worker) }
        guard let running = process else { break }
        let episode = database.configuration.episodes[attempt.id]
        onEvent(.began(episode, worker: worker))
        let outcome = try running.run(job(attempt, episode))
        try settle(worker, attempt, outcome)
        task = episode.task
        if case .finished(_, _, let memory) = outcome, memory < options.maximumMemory { continue }
        // A simulator that has failed, or grown too large, is not trusted with the next episode.
        running.end()
        (process, task) = (nil, nil)
      } catch {
        fail(error)
        break
      }
    }
    process?.end()
    state.withLock { $0.children[worker] = nil }
  }

  private func next(_ worker: Int, after task: String?) -> EpisodeScheduler.Attempt? {
    state.withLock { state in
      guard !state.isStopping, state.failure == nil else { return nil }
      return state.scheduler.next(for: worker, after: task)
    }
  }

  private func start(_ worker: Int) throws(RolloutError) -> WorkerProcess {
    let process = try WorkerProcess(command(worker), patience: options.patience) { [onEvent] line in
      onEvent(.said(line, worker: worker))
    }
    state.withLock { $0.children[worker] = process.child }
    return process
  }

  private func job(_ attempt: EpisodeScheduler.Attempt, _ episode: RunConfiguration.Episode) -> WorkerJob {
    let video = options.videos?.appending(path: "\(episode.task)-seed\(episode.seed).mp4").path
    let task = suite.tasks.first { $0.name == episode.task }
    let options = task.flatMap { $0.options.isEmpty ? nil : $0.options }
    return WorkerJob(
      id: attempt.id, task: task?.scene ?? episode.task, seed: episode.seed, stepLimit: suite.stepLimit,
      stopsAtSuccess: suite.success == .any, video: video, options: options)
  }

  /// Records what became of an attempt.
  private func settle(
    _ worker: Int, _ attempt: EpisodeScheduler.Attempt, _ outcome: WorkerProcess.Outcome
  ) throws(RolloutError) {
    let episode = database.configuration.episodes[attempt.id]
    var record = EpisodeRecord(episode: episode, attempt: attempt.number, worker: worker)
    var steps: [StepRecord] = []
    switch outcome {
    case .finished(let end, let taken, _):
      record.take(end)
      steps = taken
      state.withLock { $0.scheduler.finish(worker) }
    case .lost(let reason):
      // Ended on purpose: the episode is not to blame and is run when the run is gone on with.
      guard !state.withLock({ $0.isStopping }) else { return }
      let loss = state.withLock { $0.scheduler.lose(worker) }
      record.state = loss == .abandoned ? .abandoned : .lost
      record.reason = reason
    }
    do throws(RunDatabaseError) {
      if case .finished(let end, _, _) = outcome { try database.note(proprioception: end.proprioception) }
      try database.record(record, steps: steps)
    } catch {
      throw RolloutError(.cannotWrite, error.subject, error.message)
    }
    onEvent(.recorded(record))
  }

  private func fail(_ error: RolloutError) { state.withLock { $0.failure = $0.failure ?? error } }
}

extension EpisodeRecord {
  fileprivate mutating func take(_ end: WorkerEvent.EpisodeEnd) {
    state = .finished
    successAtAnyStep = end.success
    successAtEnd = end.successAtEnd
    steps = end.steps
    stepsToSuccess = end.stepsToSuccess
    heldSteps = end.heldSteps
    limitedActions = end.limitedActions
    pathLength = end.pathLength
    meanJerk = end.meanJerk
    wallSeconds = end.wallS
    video = end.video
  }
}
