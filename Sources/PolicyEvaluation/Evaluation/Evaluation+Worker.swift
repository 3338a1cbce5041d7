import Foundation
import Processes
import RunDatabase
import Synchronization

/// One worker's thread: it takes attempts from the scheduler until none wait.
extension Evaluation {
  func serve(_ worker: Int) {
    var process: WorkerProcess?
    var task: String?
    while let attempt = next(worker, after: task) {
      do throws(RolloutError) {
        let running: WorkerProcess
        if let process { running = process } else { running = try start(worker) }
        process = running
        let episode = database.configuration.episodes[attempt.id]
        onEvent(.began(episode, worker: worker))
        let outcome = try running.run(job(attempt, episode))
        try settle(worker, attempt, outcome)
        task = episode.task
        if case .finished(_, let end, _) = outcome, (end.peakMemory ?? 0) < options.maximumMemory { continue }
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
    let process = try WorkerProcess(
      command(worker), patience: options.patience, hasBegun: { [self] in state.withLock(\.hasBegun) }
    ) { [self] notice throws(RolloutError) in
      switch notice {
      case .ready(let ready): try greet(worker, ready)
      case .step(let step): onEvent(.stepped(step, worker: worker))
      case .said(let line): onEvent(.said(line, worker: worker))
      case .silence(let duration): onEvent(.silence(duration, worker: worker))
      }
    }
    let signal = state.withLock { state in
      state.children[worker] = process.child
      return state.signal
    }
    // A signal that came while the process was being started found no process to go to.
    if let signal { process.child.endWith(signal) }
    return process
  }

  /// Makes sure that the run's own policy answers, by the simulator that the run was begun with, and records both.
  private func greet(_ worker: Int, _ ready: WorkerEvent.Ready) throws(RolloutError) {
    let subject = database.configuration.subject
    // A run whose policy is not known before a worker has asked takes the first answer.
    let expected = try stored { try database.workers().first?.policyDigest }
    let digest = subject.policy.isEmpty ? expected : subject.policyDigest
    if let digest, digest != ready.policyDigest {
      throw RolloutError(
        .capabilitiesDisagree, "policy", "expected the policy digest \(digest), found \(ready.policyDigest)")
    }
    let precision = Self.precision(subject.weights, subject.activations)
    let found = Self.precision(ready.weights ?? "", ready.activations)
    // A daemon that was started anew may keep its weights in another way.
    if !precision.isEmpty, !found.isEmpty, precision != found {
      throw RolloutError(.capabilitiesDisagree, "policy", "expected \(precision), found \(found)")
    }
    let record = WorkerRecord(
      worker: worker, policy: ready.policy, policyDigest: ready.policyDigest, simulator: ready.simulator,
      weights: ready.weights.flatMap { $0.isEmpty ? nil : $0 },
      activations: ready.activations.flatMap { $0.isEmpty ? nil : $0 })
    try stored { try database.record(record) }
    state.withLock { $0.hasBegun = true }
    onEvent(.ready(record))
  }

  /// Empty where it is not said.
  private static func precision(_ weights: String, _ activations: String?) -> String {
    guard !weights.isEmpty else { return "" }
    guard let activations, !activations.isEmpty else { return "\(weights) weights" }
    return "\(weights) weights with \(activations) activations"
  }

  private func job(_ attempt: EpisodeScheduler.Attempt, _ episode: RunConfiguration.Episode) -> WorkerJob {
    let video = options.videos.map { "\($0.folder)/\(Self.film(of: episode))" }
    let task = suite.tasks.first { $0.name == episode.task }
    let options = task.flatMap { $0.options.isEmpty ? nil : $0.options }
    return WorkerJob(
      id: attempt.id, task: task?.scene ?? episode.task, seed: episode.seed, stepLimit: suite.stepLimit,
      stopsAtSuccess: suite.success == .any, video: video, options: options)
  }

  private static func film(of episode: RunConfiguration.Episode) -> String { "\(episode.task)-seed\(episode.seed).mp4" }

  /// Records what became of an attempt.
  private func settle(
    _ worker: Int, _ attempt: EpisodeScheduler.Attempt, _ outcome: WorkerProcess.Outcome
  ) throws(RolloutError) {
    let episode = database.configuration.episodes[attempt.id]
    var record = EpisodeRecord(episode: episode, attempt: attempt.number, worker: worker)
    switch outcome {
    case .finished(let start, let end, let steps):
      record.take(end, start)
      if end.video != nil { record.video = options.videos.map { "\($0.recorded)/\(Self.film(of: episode))" } }
      try stored { try database.note(proprioception: end.proprioception ?? []) }
      try keep(record, steps)
      state.withLock { state in
        state.lossesInARow = 0
        state.scheduler.finish(worker)
      }
      onEvent(.recorded(record, steps: steps))
    case .lost(let error):
      // Ended on purpose: the episode is not to blame and is run when the run is gone on with.
      guard state.withLock({ $0.signal }) == nil else { return }
      if options.onLoss == .end { throw error }
      let (loss, inARow) = state.withLock { state in
        state.lossesInARow += 1
        return (state.scheduler.lose(worker), state.lossesInARow)
      }
      record.state = loss == .abandoned ? .abandoned : .lost
      record.reason = "\(error.subject): \(error.message)"
      try keep(record, [])
      onEvent(.recorded(record, steps: []))
      guard inARow <= options.lossesInARow else {
        throw RolloutError(
          .environmentFailure, "simulator",
          "\(inARow) attempts in a row were lost without a finished episode; the last one: \(record.reason)")
      }
    }
  }

  private func keep(_ record: EpisodeRecord, _ steps: [StepRecord]) throws(RolloutError) {
    try stored { try database.record(record, steps: steps) }
  }

  private func stored<Value>(_ body: () throws -> Value) throws(RolloutError) -> Value {
    do { return try body() } catch let error as RunDatabaseError {
      throw RolloutError(
        error.code == .otherSimulator ? .environmentFailure : .cannotWrite, error.subject, error.message)
    } catch {
      throw RolloutError(.cannotWrite, "run", "\(error)")
    }
  }

  private func fail(_ error: RolloutError) {
    state.withLock { state in
      // What workers that are being ended complain of is no failure.
      if state.signal == nil { state.failure = state.failure ?? error }
    }
  }
}

extension EpisodeRecord {
  fileprivate mutating func take(_ end: WorkerEvent.EpisodeEnd, _ start: WorkerEvent.EpisodeStart?) {
    state = .finished
    successAtAnyStep = end.success
    successAtEnd = end.successAtEnd
    steps = end.steps
    stepsToSuccess = end.stepsToSuccess
    policySteps = end.policySteps
    heldSteps = end.heldSteps
    lateSteps = end.lateSteps ?? 0
    skippedActions = end.skippedActions ?? 0
    limitedActions = end.limitedActions
    pathLength = end.pathLength
    meanJerk = end.meanJerk
    wallSeconds = end.wallSeconds
    otherTask = end.otherTask.flatMap { $0.isEmpty ? nil : $0 }
    outcomes = end.outcomes.flatMap { $0.isEmpty ? nil : $0 }
    instruction = start?.instruction ?? ""
    goalProtocol = start?.goalProtocol
    stepLimit = start?.stepLimit
  }
}
