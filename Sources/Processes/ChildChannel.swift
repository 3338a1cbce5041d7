import Dispatch
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What passes between the thread that waits for a program and the tasks that read its pipes.
final class ChildChannel: Sendable {
  /// Bytes that may wait for the owner; then the program waits.
  private static let capacity = 1 << 20

  private struct State {
    var identifier: pid_t = 0
    var failure: ChildProcessError?
    var events: [ChildProcess.Event] = []
    var bytes = 0
    /// Readers that wait for room.
    var waiting: [CheckedContinuation<Void, Never>] = []
    var exit: ChildProcess.Exit?

    mutating func takeReaders() -> [CheckedContinuation<Void, Never>] {
      defer { waiting = [] }
      return waiting
    }
  }

  /// What goes to the program's standard input.
  let input: AsyncStream<[UInt8]>
  private let inputEnd: AsyncStream<[UInt8]>.Continuation
  private let state = Mutex(State())
  private let started = DispatchSemaphore(value: 0)
  /// Counts events, and one for the end.
  private let available = DispatchSemaphore(value: 0)

  init() { (input, inputEnd) = AsyncStream.makeStream(of: [UInt8].self) }

  // MARK: The owner's side

  func write(_ bytes: [UInt8]) { inputEnd.yield(bytes) }

  func endInput() { inputEnd.finish() }

  var identifier: pid_t { state.withLock { $0.identifier } }

  func waitForStart() throws(ChildProcessError) {
    started.wait()
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }

  func next(within duration: Duration) -> ChildProcess.Event? {
    let deadline = DispatchTime.now() + .nanoseconds(duration.wholeNanoseconds)
    guard available.wait(timeout: deadline) == .success else { return nil }
    let (event, readers) = state.withLock { state -> (ChildProcess.Event?, [CheckedContinuation<Void, Never>]) in
      guard !state.events.isEmpty else { return (state.exit.map { .ended($0) }, state.takeReaders()) }
      let event = state.events.removeFirst()
      state.bytes -= event.byteCount
      return (event, state.bytes < Self.capacity ? state.takeReaders() : [])
    }
    for reader in readers { reader.resume() }
    // The end stays where it is for whoever asks again.
    if case .ended? = event { available.signal() }
    return event
  }

  func send(_ signal: Int32) {
    state.withLock { state in
      // Under the lock: once the process is reaped, its number may belong to another.
      if state.exit == nil, state.identifier > 0 { kill(-state.identifier, signal) }
    }
  }

  // MARK: The program's side

  func hasStarted(_ identifier: pid_t) {
    state.withLock { $0.identifier = identifier }
    started.signal()
  }

  /// Tells that the program could not be started, or that it cannot be watched any more.
  func hasFailed(_ failure: ChildProcessError) {
    let hadStarted = state.withLock { state in
      state.failure = failure
      guard state.identifier > 0, state.exit == nil else { return false }
      state.exit = .code(-1)
      return true
    }
    if hadStarted { available.signal() } else { started.signal() }
  }

  /// Hands bytes to the owner, and waits while it has too many.
  func append(_ event: ChildProcess.Event) async {
    let isFull = state.withLock { state in
      state.events.append(event)
      state.bytes += event.byteCount
      return state.bytes >= Self.capacity
    }
    available.signal()
    guard isFull else { return }
    await withCheckedContinuation { continuation in
      let hasRoom = state.withLock { state in
        guard state.bytes >= Self.capacity else { return true }
        state.waiting.append(continuation)
        return false
      }
      if hasRoom { continuation.resume() }
    }
  }

  /// Kills what the program left behind and tells its end. The program has ended and is not reaped yet, so its number is still its own.
  func hasEnded(_ exit: ChildProcess.Exit) {
    state.withLock { state in
      kill(-state.identifier, SIGKILL)
      state.exit = exit
    }
    inputEnd.finish()
    available.signal()
  }
}

extension ChildProcess.Event {
  fileprivate var byteCount: Int {
    switch self {
    case .output(let bytes), .diagnostics(let bytes): bytes.count
    case .ended: 0
    }
  }
}

extension Duration {
  /// Not below 0, and within what a wait takes: about 292 years.
  fileprivate var wholeNanoseconds: Int {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    let (product, overflow) = Int(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, overflowToo) = product.addingReportingOverflow(Int(attoseconds / 1_000_000_000))
    return overflow || overflowToo ? .max : sum
  }
}
