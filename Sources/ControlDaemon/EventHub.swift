import Synchronization

/// Hands events to everyone who asked for them; nobody can slow the daemon down by listening slowly.
final class EventHub: Sendable {
  private struct State {
    var continuations: [UInt64: AsyncStream<DaemonEvent>.Continuation] = [:]
    var lastID: UInt64 = 0
    var isFinished = false
  }

  private let state = Mutex(State())

  /// The events from now on; a listener that falls behind loses the oldest.
  func subscribe(bufferingNewest count: Int) -> AsyncStream<DaemonEvent> {
    let (stream, continuation) = AsyncStream.makeStream(of: DaemonEvent.self, bufferingPolicy: .bufferingNewest(count))
    let id: UInt64? = state.withLock { state in
      guard !state.isFinished else { return nil }
      state.lastID += 1
      state.continuations[state.lastID] = continuation
      return state.lastID
    }
    guard let id else {
      continuation.finish()
      return stream
    }
    continuation.onTermination = { [weak self] _ in
      self?.state.withLock { $0.continuations[id] = nil }
    }
    return stream
  }

  func publish(_ events: [DaemonEvent]) {
    guard !events.isEmpty else { return }
    // Yielding calls nobody back, but a cancelled listener's `onTermination` needs the lock: yield outside of it.
    let continuations = state.withLock { Array($0.continuations.values) }
    for continuation in continuations {
      for event in events { continuation.yield(event) }
    }
  }

  /// Ends every stream, now and later ones.
  func finish() {
    let continuations = state.withLock { state in
      state.isFinished = true
      return Array(state.continuations.values)
    }
    for continuation in continuations { continuation.finish() }
  }
}
