import Dispatch
import Foundation
import RobotInterface
import RobotLink
import RobotPolicy
import Synchronization

/// The policy's thread: takes one job at a time, and hands what came of it back to the socket's thread.
final class PolicyWorker: Sendable {
  /// What the worker says to the socket's thread.
  enum Report: Sendable {
    case ready
    /// The policy could not be warmed up; nothing will come after this.
    case failed(RobotError)
    case done(Outcome)
  }

  private struct State {
    var jobs: [Job] = []
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

  /// Hands a job over; the caller makes sure that the one before it is done.
  func submit(_ job: Job) {
    state.withLock { $0.jobs.append(job) }
    work.signal()
  }

  /// The reports since the last call, in order.
  func takeReports() -> [Report] {
    state.withLock { state in
      defer { state.reports.removeAll(keepingCapacity: true) }
      return state.reports
    }
  }

  /// Waits until the job at hand is done and the thread has ended. To be called once, after ``start()``.
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
    return state.withLock { $0.isFinished || $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }
  }

  private func run(_ job: Job) -> Outcome {
    switch job.work {
    case .act(let observation, var context):
      let result: Result<Outcome.Answer, RobotError>
      do throws(RobotError) {
        result = .success(.chunk(try policy.act(on: observation, context: &context)))
      } catch {
        result = .failure(error)
      }
      return Outcome(jobID: job.id, context: context, result: result)
    case .generate(let request):
      do throws(RobotError) {
        guard let generator = policy as? any TextGenerating else {
          throw RobotError(.unsupported, "generate", "this daemon's policy does not generate text")
        }
        return Outcome(jobID: job.id, context: nil, result: .success(.generation(try generator.generate(request))))
      } catch {
        return Outcome(jobID: job.id, context: nil, result: .failure(error))
      }
    }
  }

  private func report(_ report: Report) {
    state.withLock { $0.reports.append(report) }
    wakeUp.signal()
  }
}
