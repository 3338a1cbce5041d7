import Dispatch
import Foundation
import RobotInterface
import RobotLink
import RobotPolicy
import Synchronization

/// The policy's thread: takes one job at a time from the core, and brings back what came of it.
///
/// A generation is the exception: it pauses after each token while the observations that have come meanwhile are answered.
final class PolicyWorker: Sendable {
  private let policy: any ObservationPolicy
  private let core: SharedCore
  private let ended = DispatchSemaphore(value: 0)

  init(policy: any ObservationPolicy, core: SharedCore) {
    self.policy = policy
    self.core = core
  }

  /// Starts the thread: the warm-up first, then the jobs, until the core is closed.
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

  /// Waits until the running job is done (a generation ends at its next token) and the thread has ended. To be called once, after
  /// ``start()``, when the core is closed.
  func join() {
    core.announceWork()
    ended.wait()
  }

  private func serve() {
    do throws(RobotError) { try policy.warmUp() } catch {
      return core.report { $0.fail(because: error, at: MonotonicClock.nanoseconds()) }
    }
    core.report { $0.becomeReady(at: MonotonicClock.nanoseconds()) }
    while let job = core.awaitJob() { perform(job) }
  }

  private func perform(_ job: Job) {
    let outcome = Outcome(jobID: job.id, answer: answer(job))
    core.report { $0.finish(outcome, at: MonotonicClock.nanoseconds()) }
  }

  private func answer(_ job: Job) -> Outcome.Answer {
    switch job.work {
    case .act(var steps):
      let results = policy.act(on: &steps)
      return .acted(zip(steps, results).map { Outcome.Step(result: $1, context: $0.context) })
    case .generate(let request):
      return .generated(Result { () throws(RobotError) in try generate(request, job.id) })
    }
  }

  private func generate(_ request: GenerationRequest, _ jobID: UInt64) throws(RobotError) -> GenerationResult {
    guard let generator = policy as? any Generating else {
      throw RobotError(.unsupported, "generate", "this daemon's policy answers robots only")
    }
    let meter = Mutex(request.progressInterval.map(ProgressMeter.init))
    return try generator.generate(request) { [self] moment in
      // Nothing but observations can begin beside a generation.
      while let act = core.report({ $0.nextJob(at: MonotonicClock.nanoseconds()) }) { perform(act) }
      let progress = meter.withLock { meter in
        meter?.record(
          tokens: moment.tokens, limit: moment.limit, at: MonotonicClock.nanoseconds(), text: moment.text)
      }
      return core.report { core in
        if let progress { core.report(progress, of: jobID) }
        return core.isWanted(jobID)
      }
    }
  }
}
