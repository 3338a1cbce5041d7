import Dispatch
import RobotLink
import Synchronization

/// The core between the socket's thread and the policy's.
///
/// Either takes a lock for one decision at a time. The lock is never held while something is decoded, computed or sent.
final class SharedCore: Sendable {
  private let core: Mutex<ControlCore>
  private let wakeUp: WakeUp
  private let work = DispatchSemaphore(value: 0)
  private let isWorkAnnounced = Atomic(false)

  /// - Parameter wakeUp: of the socket's thread; signalled when there may be something to send.
  init(_ core: ControlCore, wakeUp: WakeUp) {
    self.core = Mutex(core)
    self.wakeUp = wakeUp
  }

  /// A decision of the socket's thread, or a look.
  func decide<Result: Sendable>(_ decision: (inout ControlCore) -> Result) -> Result {
    core.withLock { decision(&$0) }
  }

  /// A decision of the policy's thread, whose replies the socket's thread sends.
  func report<Result: Sendable>(_ decision: (inout ControlCore) -> Result) -> Result {
    let (result, hasReplies) = core.withLock { core in
      let result = decision(&core)
      return (result, core.hasReplies || core.isClosed)
    }
    if hasReplies { wakeUp.signal() }
    return result
  }

  /// Tells the policy's thread that there may be work, or that the core was closed.
  func announceWork() {
    if !isWorkAnnounced.exchange(true, ordering: .sequentiallyConsistent) { work.signal() }
  }

  /// The next job, as soon as there is one; `nil` once the core is closed.
  func awaitJob() -> Job? {
    while true {
      let (job, isClosed) = report { ($0.nextJob(at: MonotonicClock.nanoseconds()), $0.isClosed) }
      if job != nil || isClosed { return job }
      work.wait()
      // Announced from here on, work is looked for once more.
      isWorkAnnounced.store(false, ordering: .sequentiallyConsistent)
    }
  }
}
