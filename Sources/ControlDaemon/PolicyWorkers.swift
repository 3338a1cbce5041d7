import Dispatch
import Foundation
import RobotInterface
import RobotPolicy
import Synchronization
import UnifiedIO

/// The threads that decode what requests show, and run the policy: a role that one thread has at a time.
///
/// They ask the core for work and tell it what came of it; the socket's thread tells it what came in. A thread that has decoded a
/// frame goes on with the policy when nobody has it, so that a step changes threads no more often than with one thread for all.
/// A generation keeps the role, and answers the observations that have come between two tokens.
final class PolicyWorkers: Sendable {
  /// One for the policy, one for what is large to decode, one for the cameras of robots.
  private static let threads = 3

  private struct State {
    var core: ControlCore
    /// Until the policy is warm as well.
    var isPolicyTaken = true
    /// Of the work under way, by job and order.
    var cancellations: [UInt64: Cancellation] = [:]
    /// Threads that sleep; the last one has the warmest caches and is woken first.
    var sleepers: [Sleeper] = []
    var isFinished = false

    /// A flag for new work.
    mutating func begin(_ id: UInt64) -> Cancellation {
      let cancellation = Cancellation()
      cancellations[id] = cancellation
      return cancellation
    }
  }

  private struct Sleeper {
    var thread: Int
    /// When it wakes by itself, on the daemon's clock.
    var until: UInt64?
  }

  private enum Work {
    case decoding(DecodingOrder, Cancellation)
    case job(Job, Cancellation)
    /// Until there is work, or until a moment on the daemon's clock.
    case sleep(until: UInt64?)
    case end
  }

  private enum Done {
    case nothing
    case decoding(UInt64, Result<PreparedInput, RobotError>)
    case job(Outcome)
  }

  private let policy: any ObservationPolicy
  private let wakeUp: WakeUp
  private let state: Mutex<State>
  /// Whether the core has something to say, so that the socket's thread need not ask while the others work with the core.
  private let isTalking = Atomic(false)
  /// One a thread.
  private let alarms: [DispatchSemaphore]
  private let ended = DispatchSemaphore(value: 0)

  /// - Parameter wakeUp: signalled when the core has something to send.
  init(policy: any ObservationPolicy, core: ControlCore, wakeUp: WakeUp) {
    self.policy = policy
    self.wakeUp = wakeUp
    state = Mutex(State(core: core))
    alarms = (0..<Self.threads).map { _ in DispatchSemaphore(value: 0) }
  }

  /// Starts the threads: the warm-up first, then the work.
  func start() {
    for index in 0..<Self.threads {
      let thread = Thread { [self] in
        if index == 0 { warmUp() }
        serve(index)
        ended.signal()
      }
      thread.name = "uio2 policy \(index)"
      // The main thread's usual size: models recurse little, but image decoders like stack.
      thread.stackSize = 8 << 20
      thread.start()
    }
  }

  /// Why the policy could not be warmed up; nothing will be answered then.
  var failure: RobotError? { state.withLock { $0.core.failure } }

  /// What was done so far.
  var metrics: DaemonMetrics { state.withLock { $0.core.snapshot } }

  /// Tells the core something; not what takes long.
  func tell(_ body: (inout ControlCore) -> Void) {
    state.withLock { state in
      body(&state.core)
      passOn(&state)
    }
  }

  /// As ``tell(_:)``, with what may be work for a thread that sleeps. None is woken for nothing: a client that sends a thousand observations a
  /// second, and is paused, would have a thread take the processor from the policy as often.
  func receive(_ body: (inout ControlCore) -> Void) {
    let sleeper = state.withLock { state in
      body(&state.core)
      passOn(&state)
      return Self.needsThread(state, at: MonotonicClock.nanoseconds()) ? state.sleepers.popLast() : nil
    }
    if let sleeper { alarms[sleeper.thread].signal() }
  }

  /// Whether somebody should look for work now, or ought to wake for a session's pace earlier than anybody will.
  private static func needsThread(_ state: State, at now: UInt64) -> Bool {
    if state.core.hasWork(policyIsFree: !state.isPolicyTaken, at: now) { return true }
    guard let pause = state.core.nextPause(at: now) else { return false }
    return !state.sleepers.contains { $0.until.map { $0 <= pause } ?? false }
  }

  /// Whether the core has had something to say since the last call.
  func hasNews() -> Bool { isTalking.exchange(false, ordering: .acquiringAndReleasing) }

  /// The next reply, as it leaves now.
  func nextReply() -> ControlCore.Outgoing? {
    state.withLock { $0.core.nextReply(at: MonotonicClock.nanoseconds()) }
  }

  /// What is to be told since the last call.
  func takeEvents() -> [DaemonEvent] { state.withLock { $0.core.takeEvents() } }

  /// After a change of the core: what it wants others to know.
  private func passOn(_ state: inout State) {
    for id in state.core.takeCancellations() { state.cancellations[id]?.cancel() }
    if state.core.hasNews { isTalking.store(true, ordering: .releasing) }
  }

  /// Calls all work off and waits until the threads have ended: decoding within milliseconds, a generation at its next token, a
  /// policy step at its end. To be called once, after ``start()``.
  func join() {
    state.withLock { state in
      state.isFinished = true
      for cancellation in state.cancellations.values { cancellation.cancel() }
    }
    wakeAll()
    for _ in 0..<Self.threads { ended.wait() }
  }

  private func wakeAll() {
    let sleepers = state.withLock { state in
      defer { state.sleepers.removeAll() }
      return state.sleepers
    }
    for sleeper in sleepers { alarms[sleeper.thread].signal() }
  }

  private func warmUp() {
    do throws(RobotError) { try policy.warmUp() } catch {
      tell { $0.fail(because: error, at: MonotonicClock.nanoseconds()) }
      return wakeUp.signal()
    }
    state.withLock { state in
      state.core.becomeReady(at: MonotonicClock.nanoseconds())
      state.isPolicyTaken = false
      passOn(&state)
    }
    wakeUp.signal()
    wakeAll()
  }

  private func serve(_ thread: Int) {
    var done = Done.nothing
    while true {
      switch next(for: thread, after: done) {
      case .decoding(let order, let cancellation):
        done = .decoding(order.id, Result { () throws(RobotError) in try prepare(order.content, cancellation) })
      case .job(let job, let cancellation): done = .job(run(job, cancellation))
      case .sleep(let moment):
        done = .nothing
        sleep(thread, until: moment)
      case .end: return
      }
    }
  }

  private func sleep(_ thread: Int, until moment: UInt64?) {
    guard let moment else { return alarms[thread].wait() }
    let now = MonotonicClock.nanoseconds()
    _ = alarms[thread].wait(timeout: .now() + .nanoseconds(Int(clamping: moment > now ? moment - now : 0)))
  }

  /// Hands in what was done, and takes what is to be done next.
  private func next(for thread: Int, after done: Done) -> Work {
    let (work, isTalking, helper) = state.withLock { state in
      Self.handIn(done, &state)
      // What is too old by now is answered here.
      let work = Self.next(&state, for: thread)
      passOn(&state)
      return (work, state.core.hasNews, Self.helper(&state, beside: work))
    }
    if isTalking { wakeUp.signal() }
    if let helper { alarms[helper].signal() }
    return work
  }

  /// The thread to wake for what is left when one has taken its piece: nobody else would.
  private static func helper(_ state: inout State, beside work: Work) -> Int? {
    switch work {
    case .sleep, .end: return nil
    case .decoding, .job:
      guard !state.sleepers.isEmpty,
        state.core.hasWork(policyIsFree: !state.isPolicyTaken, at: MonotonicClock.nanoseconds())
      else { return nil }
      return state.sleepers.popLast()?.thread
    }
  }

  private static func handIn(_ done: Done, _ state: inout State) {
    let now = MonotonicClock.nanoseconds()
    switch done {
    case .nothing: break
    case .decoding(let id, let result):
      state.core.finishDecoding(id, result, at: now)
      state.cancellations[id] = nil
    case .job(let outcome):
      state.core.finish(outcome, at: now)
      state.cancellations[outcome.jobID] = nil
      state.isPolicyTaken = false
    }
  }

  private static func next(_ state: inout State, for thread: Int) -> Work {
    guard !state.isFinished else { return .end }
    let now = MonotonicClock.nanoseconds()
    // It may have woken by itself.
    state.sleepers.removeAll { $0.thread == thread }
    if !state.isPolicyTaken, let job = state.core.nextJob(at: now) {
      state.isPolicyTaken = true
      return .job(job, state.begin(job.id))
    }
    if let order = state.core.nextDecoding(at: now) { return .decoding(order, state.begin(order.id)) }
    let moment = state.core.nextPause(at: now)
    state.sleepers.append(Sleeper(thread: thread, until: moment))
    return .sleep(until: moment)
  }

  // MARK: Decoding

  private func prepare(
    _ content: DecodingOrder.Content, _ cancellation: Cancellation
  ) throws(RobotError) -> PreparedInput {
    switch content {
    case .observation(let observation):
      guard let policy = policy as? any PreparingPolicy else { return PreparedInput(()) }
      return policy.prepare(observation, cancellation: cancellation)
    case .question(let question): return try generator().prepare(question, cancellation: cancellation)
    }
  }

  private func generator() throws(RobotError) -> any Generating {
    guard let generator = policy as? any Generating else {
      throw RobotError(.unsupported, "generate", "this daemon's policy answers robots only")
    }
    return generator
  }

  // MARK: The policy

  private func run(_ job: Job, _ cancellation: Cancellation) -> Outcome {
    switch job.work {
    case .act(let steps): return act(steps, job.id)
    case .generate(let question, let prepared):
      let result = Result { () throws(RobotError) in try generate(question, prepared, job.id, cancellation) }
      return Outcome(jobID: job.id, answer: .generated(result))
    }
  }

  private func act(_ steps: [PolicyStep], _ jobID: UInt64) -> Outcome {
    var steps = steps
    let results = policy.act(on: &steps)
    return Outcome(jobID: jobID, answer: .acted(zip(steps, results).map { .init(result: $1, context: $0.context) }))
  }

  private func generate(
    _ question: GenerationRequest, _ prepared: PreparedInput?, _ jobID: UInt64, _ cancellation: Cancellation
  ) throws(RobotError) -> GenerationResult {
    let generator = try generator()
    let share = Mutex(GenerationShare(at: MonotonicClock.nanoseconds()))
    let meter = Mutex(question.progressInterval.map(ProgressMeter.init))
    let input: PreparedInput
    if let prepared {
      input = prepared
    } else {
      input = try generator.prepare(question, cancellation: cancellation)
    }
    return try generator.generate(question, prepared: input) { [self] moment in
      serveRobots(share)
      let progress = meter.withLock { meter in
        meter?.record(
          tokens: moment.tokens, limit: moment.limit, at: MonotonicClock.nanoseconds(), text: moment.text)
      }
      if let progress {
        tell { $0.report(progress, of: jobID) }
        wakeUp.signal()
      }
      return !cancellation.isCancelled
    }
  }

  /// Answers the observations that have come during a step of a generation, as long as it is the robots' turn; one batch at least.
  private func serveRobots(_ share: borrowing Mutex<GenerationShare>) {
    share.withLock { $0.pause(at: MonotonicClock.nanoseconds()) }
    while let job = nextBatch() {
      guard case .act(let steps) = job.work else { break }
      let outcome = act(steps, job.id)
      tell { $0.finish(outcome, at: MonotonicClock.nanoseconds()) }
      wakeUp.signal()
      guard share.withLock({ $0.servesRobots(at: MonotonicClock.nanoseconds()) }) else { break }
    }
    share.withLock { $0.resume(at: MonotonicClock.nanoseconds()) }
  }

  /// While a generation is under way the core gives out nothing but observations.
  private func nextBatch() -> Job? {
    let (job, isTalking) = state.withLock { state in
      let job = state.isFinished ? nil : state.core.nextJob(at: MonotonicClock.nanoseconds())
      passOn(&state)
      return (job, state.core.hasNews)
    }
    if isTalking { wakeUp.signal() }
    return job
  }
}
