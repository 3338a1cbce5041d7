import Processes
import RunDatabase

/// A simulator process and the conversation with it. Used by one thread.
final class WorkerProcess {
  /// What became of a job.
  enum Outcome {
    /// The episode ran to its end.
    case finished(WorkerEvent.EpisodeStart?, WorkerEvent.EpisodeEnd, [StepRecord])
    /// The worker failed; another process may do better.
    case lost(RolloutError)
  }

  /// What its owner is told while a job runs.
  enum Notice {
    /// The worker has begun.
    case ready(WorkerEvent.Ready)
    /// A policy step was reported.
    case step(StepRecord)
    /// A line for people.
    case said(String)
    /// Nothing has come for so long.
    case silence(Duration)
  }

  private static let interval: Duration = .milliseconds(200)
  /// How long a worker may take to end when it is asked to.
  static let grace: Duration = .seconds(10)

  let child: ChildProcess
  private let patience: Duration
  private let hasBegun: () -> Bool
  private let onNotice: (Notice) throws(RolloutError) -> Void
  private var output = LineSplitter()
  private var diagnostics = LineSplitter()
  private var events: [WorkerEvent] = []
  private var fault: RolloutError?
  private var lastWords = ""
  private var isReady = false
  private var heard = ContinuousClock.now

  /// Starts a worker.
  ///
  /// - Parameters:
  ///   - patience: how long it may report nothing.
  ///   - hasBegun: whether any worker of the same command has begun.
  ///   - onNotice: what it throws ends the job.
  init(
    _ command: ChildProcess.Command, patience: Duration, hasBegun: @escaping () -> Bool,
    onNotice: @escaping (Notice) throws(RolloutError) -> Void
  ) throws(RolloutError) {
    do throws(ChildProcessError) { child = try ChildProcess(command) } catch {
      throw RolloutError(error, as: .cannotStart)
    }
    self.patience = patience
    self.hasBegun = hasBegun
    self.onNotice = onNotice
  }

  /// Runs a job to its end.
  ///
  /// - Throws: ``RolloutError`` for what another attempt would not mend: robot and policy disagree, the daemon refuses or is gone, the simulator
  ///   is not installed.
  func run(_ job: WorkerJob) throws(RolloutError) -> Outcome {
    child.write(try job.line())
    heard = .now
    var start: WorkerEvent.EpisodeStart?
    var steps: [StepRecord] = []
    while true {
      switch try nextEvent() {
      case .event(.ready(let ready)):
        isReady = true
        try onNotice(.ready(ready))
      case .event(.episodeStart(let begun)):
        guard begun.id == job.id else { return foreign("start") }
        start = begun
      case .event(.step(let step)):
        guard step.id == job.id else { return foreign("step") }
        steps.append(step.record)
        try onNotice(.step(step.record))
      case .event(.episodeEnd(let end)):
        guard end.id == job.id, end.task == job.task, end.seed == job.seed else { return foreign("end") }
        return .finished(start, end, steps)
      case .event(.episodeFailed(_, let failure)), .event(.failed(let failure)):
        // The exit status says whose fault it was.
        return try judge(try exit(), failure)
      case .ended(let exit): return try judge(exit, nil)
      case .silence:
        return .lost(WorkerEnding.silence(after: patience, isStopped: child.isStopped, lastWords: lastWords))
      case .nonsense(let error): return .lost(error)
      }
    }
  }

  /// Ends the worker, which runs nothing, at the end of its input, or by signals when it does not heed that.
  func end() {
    child.endInput()
    child.end(grace: Self.grace)
  }

  private func foreign(_ what: String) -> Outcome {
    .lost(RolloutError(.malformedEvent, "robot", "reported the \(what) of another episode"))
  }

  /// How a worker that is about to end ends; what it still says for people is kept.
  private func exit() throws(RolloutError) -> ChildProcess.Exit {
    child.endInput()
    let deadline = ContinuousClock.now + Self.grace
    while ContinuousClock.now < deadline {
      switch child.next(within: Self.interval) {
      case .ended(let exit)?: return exit
      case .diagnostics(let bytes)?: try take(diagnostics: bytes)
      case .output?, nil: break
      }
    }
    return child.end()
  }

  private func judge(_ exit: ChildProcess.Exit, _ failure: WorkerEvent.Failure?) throws(RolloutError) -> Outcome {
    let ending = WorkerEnding(
      exit: exit, failure: failure, wasReady: isReady, hasBegun: isReady || hasBegun(), lastWords: lastWords)
    if ending.isFinal { throw ending.error }
    return .lost(ending.error)
  }

  private enum Next {
    case event(WorkerEvent)
    case ended(ChildProcess.Exit)
    case silence
    /// What came is no report.
    case nonsense(RolloutError)
  }

  private func nextEvent() throws(RolloutError) -> Next {
    while events.isEmpty {
      if let fault { return .nonsense(fault) }
      switch child.next(within: Self.interval) {
      case .output(let bytes)?:
        heard = .now
        do throws(RolloutError) {
          for line in try output.append(bytes) { try take(line) }
        } catch { fault = error }
      case .diagnostics(let bytes)?: try take(diagnostics: bytes)
      case .ended(let exit)?:
        // The last lines, where they have no ends.
        if let line = diagnostics.finish() { try take(words: line) }
        guard let line = output.finish() else { return .ended(exit) }
        do throws(RolloutError) { try take(line) } catch { return .nonsense(error) }
      case nil: try onNotice(.silence(.now - heard))
      }
      if events.isEmpty, ContinuousClock.now - heard > patience { return .silence }
    }
    return .event(events.removeFirst())
  }

  private func take(_ line: [UInt8]) throws(RolloutError) {
    guard line.contains(where: { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }) else { return }
    events.append(try WorkerEvent(line: line, number: output.count))
  }

  private func take(diagnostics bytes: [UInt8]) throws(RolloutError) {
    for line in (try? diagnostics.append(bytes)) ?? [] { try take(words: line) }
  }

  private func take(words line: [UInt8]) throws(RolloutError) {
    let text = String(decoding: line, as: UTF8.self)
    // A traceback ends with the error itself, at the left margin.
    let words = text.drop { $0 == " " || $0 == "\t" }
    if !words.isEmpty { lastWords = String(words) }
    try onNotice(.said(text))
  }
}
