import Synchronization

/// Hands events to everyone who asked for them; nobody can slow the daemon down by listening slowly.
final class EventHub: Sendable {
  private struct State {
    var mailboxes: [UInt64: EventMailbox] = [:]
    var lastID: UInt64 = 0
    var isFinished = false
  }

  private let state = Mutex(State())
  private let lost = Atomic<UInt64>(0)

  /// Events that listeners have lost so far, all together.
  var lostEvents: UInt64 { lost.load(ordering: .relaxed) }

  /// The events from now on; a listener that falls behind loses the oldest, and is told how many.
  func subscribe(bufferingNewest count: Int) -> AsyncStream<DaemonEvent> {
    let mailbox = EventMailbox(capacity: max(1, count))
    let id: UInt64? = state.withLock { state in
      guard !state.isFinished else { return nil }
      state.lastID += 1
      state.mailboxes[state.lastID] = mailbox
      return state.lastID
    }
    guard let id else {
      mailbox.finish()
      return mailbox.stream {}
    }
    return mailbox.stream { [weak self] in
      let mailbox = self?.state.withLock { $0.mailboxes.removeValue(forKey: id) }
      mailbox?.finish()
    }
  }

  func publish(_ events: [DaemonEvent]) {
    guard !events.isEmpty else { return }
    let mailboxes = state.withLock { Array($0.mailboxes.values) }
    for mailbox in mailboxes {
      let count = mailbox.put(events)
      if count > 0 { lost.wrappingAdd(count, ordering: .relaxed) }
    }
  }

  /// Ends every stream, now and later ones.
  func finish() {
    let mailboxes = state.withLock { state in
      state.isFinished = true
      defer { state.mailboxes.removeAll() }
      return Array(state.mailboxes.values)
    }
    for mailbox in mailboxes { mailbox.finish() }
  }
}

/// The events that one listener has not taken yet: the newest, and how many there were before them.
private final class EventMailbox: Sendable {
  private struct State {
    var events: [DaemonEvent] = []
    /// Lost since the listener was last told.
    var lost: UInt64 = 0
    var listener: CheckedContinuation<DaemonEvent?, Never>?
    var isFinished = false

    /// What the listener gets next; `nil` when there is nothing.
    mutating func take() -> DaemonEvent? {
      if lost > 0 {
        defer { lost = 0 }
        // It belongs before the first that was kept.
        return DaemonEvent(time: events.first?.time ?? 0, kind: .eventsLost(lost))
      }
      return events.isEmpty ? nil : events.removeFirst()
    }
  }

  /// Its end is the listener's.
  private final class Presence: Sendable {
    private let onEnd: @Sendable () -> Void
    init(_ onEnd: @escaping @Sendable () -> Void) { self.onEnd = onEnd }
    deinit { onEnd() }
  }

  private let capacity: Int
  private let state = Mutex(State())

  init(capacity: Int) { self.capacity = capacity }

  /// - Parameter onEnd: called when nobody listens any more.
  func stream(onEnd: @escaping @Sendable () -> Void) -> AsyncStream<DaemonEvent> {
    let presence = Presence(onEnd)
    return AsyncStream(
      unfolding: {
        defer { withExtendedLifetime(presence) {} }
        return await self.next()
      }, onCancel: { self.finish() })
  }

  /// - Returns: how many events the listener has lost by it.
  func put(_ events: [DaemonEvent]) -> UInt64 {
    let (lost, listener, event) = state.withLock { state in
      guard !state.isFinished else {
        return (UInt64(0), nil as CheckedContinuation<DaemonEvent?, Never>?, nil as DaemonEvent?)
      }
      state.events += events
      let surplus = max(0, state.events.count - capacity - (state.listener == nil ? 0 : 1))
      state.events.removeFirst(surplus)
      state.lost += UInt64(surplus)
      guard let listener = state.listener, let event = state.take() else { return (UInt64(surplus), nil, nil) }
      state.listener = nil
      return (UInt64(surplus), listener, event)
    }
    listener?.resume(returning: event)
    return lost
  }

  private func next() async -> DaemonEvent? {
    await withCheckedContinuation { continuation in
      let (isAnswered, event) = state.withLock { state in
        if let event = state.take() { return (true, event as DaemonEvent?) }
        if state.isFinished { return (true, nil) }
        state.listener = continuation
        return (false, nil)
      }
      if isAnswered { continuation.resume(returning: event) }
    }
  }

  /// What was kept can still be taken.
  func finish() {
    let listener = state.withLock { state in
      state.isFinished = true
      defer { state.listener = nil }
      return state.listener
    }
    listener?.resume(returning: nil)
  }
}
