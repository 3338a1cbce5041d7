import Dispatch
import Foundation
import RobotInterface
import RobotLink
import RobotPolicy
import Synchronization

/// The policy's thread: takes one job at a time, and hands what came of it back to the socket's thread.
///
/// A generation is the exception: it pauses after each token while the observations that have come meanwhile are answered.
final class PolicyWorker: Sendable {
  /// What the worker says to the socket's thread.
  enum Report: Sendable {
    case ready
    /// The policy could not be warmed up; nothing will come after this.
    case failed(RobotError)
    case done(Outcome)
    /// How far the generation of a job is.
    case progress(jobID: UInt64, GenerationProgress)
  }

  private struct State {
    var jobs: [Job] = []
    var cancelledJob: UInt64?
    var reports: [Report] = []
    var isFinished = false
  }

  private let policy: any ObservationPolicy
  private let wakeUp: WakeUp
  private let state = Mutex(State())
  /// Counts jobs, and one more for the end.
  private let work = DispatchSemaphore(value: 0)
  private let ended = DispatchSemaphore(value: 0)

  /// - Parameter wakeUp: signalled after each report.
  init(policy: any ObservationPolicy, wakeUp: WakeUp) {
    self.policy = policy
    self.wakeUp = wakeUp
  }

  /// Starts the thread: the warm-up first, then the jobs.
  func start() {
    let thread = Thread { [self] in
      serve()
      ended.signal()
    }
    thread.name = "uio2 policy"
    // The main thread's usual size: models recurse little, but image decoders like stack.
    thread.stackSize = 8 << 20
    thread.start()
  }

  /// Hands a job over; the caller makes sure that the one before it is done, unless that is a generation and this is none.
  func submit(_ job: Job) {
    state.withLock { $0.jobs.append(job) }
    work.signal()
  }

  /// Ends a generation at its next token; it still reports what it has said.
  func cancel(_ jobID: UInt64) { state.withLock { $0.cancelledJob = jobID } }

  /// The reports since the last call, in order.
  func takeReports() -> [Report] {
    state.withLock { state in
      defer { state.reports.removeAll(keepingCapacity: true) }
      return state.reports
    }
  }

  /// Waits until the job at hand is done (a generation ends at its next token) and the thread has ended. To be called once,
  /// after ``start()``.
  func join() {
    state.withLock { $0.isFinished = true }
    work.signal()
    ended.wait()
  }

  private func serve() {
    do throws(RobotError) { try policy.warmUp() } catch { return report(.failed(error)) }
    report(.ready)
    while let job = nextJob() { report(.done(run(job))) }
  }

  private func nextJob() -> Job? {
    work.wait()
    return state.withLock { state in
      guard !state.isFinished, !state.jobs.isEmpty else { return nil }
      // A generation that has not begun can wait as well as one that has.
      return state.jobs.remove(at: state.jobs.firstIndex(where: \.isAct) ?? 0)
    }
  }

  /// The observation that has come during a generation, if one has.
  private func nextAct() -> Job? {
    let job = state.withLock { state in
      state.isFinished ? nil : state.jobs.firstIndex(where: \.isAct).map { state.jobs.remove(at: $0) }
    }
    // Its signal has come, or is about to.
    if job != nil { work.wait() }
    return job
  }

  /// Gives the socket's thread the moment that it takes to hand over the next observation: robots that wait for each other
  /// shall not wait for a token each.
  private func awaitSubmission() {
    if work.wait(timeout: .now() + .milliseconds(1)) == .success { work.signal() }
  }

  private func run(_ job: Job) -> Outcome {
    switch job.work {
    case .act(var steps):
      let results = policy.act(on: &steps)
      let answers = zip(steps, results).map { Outcome.Step(result: $1, context: $0.context) }
      return Outcome(jobID: job.id, answer: .acted(answers))
    case .generate(let request):
      return Outcome(
        jobID: job.id,
        answer: .generated(Result { () throws(RobotError) in try generate(request, job.id) }))
    }
  }

  private func generate(_ request: GenerationRequest, _ jobID: UInt64) throws(RobotError) -> GenerationResult {
    guard let generator = policy as? any Generating else {
      throw RobotError(.unsupported, "generate", "this daemon's policy answers robots only")
    }
    let meter = Mutex(request.progressInterval.map(ProgressMeter.init))
    return try generator.generate(request) { [self] moment in
      while let act = nextAct() {
        report(.done(run(act)))
        awaitSubmission()
      }
      let progress = meter.withLock { meter in
        meter?.record(
          tokens: moment.tokens, limit: moment.limit, at: MonotonicClock.nanoseconds(), text: moment.text)
      }
      if let progress { report(.progress(jobID: jobID, progress)) }
      return state.withLock { !$0.isFinished && $0.cancelledJob != jobID }
    }
  }

  private func report(_ report: Report) {
    state.withLock { $0.reports.append(report) }
    wakeUp.signal()
  }
}
