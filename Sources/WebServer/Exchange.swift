import NIOCore
import RobotInterface
import Synchronization

/// Where the event loop and whoever asks for events meet: a mailbox for each websocket, all behind one lock.
final class Exchange: Sendable {
  /// What became of a message that came in.
  enum Admission {
    case taken
    /// Taken, and the connection shall not be read until somebody takes one.
    case takenAndFull
    /// The server's memory for messages is used up.
    case overBudget
  }

  private struct Mailbox {
    var channel: any Channel
    var socket: NIOLoopBound<SocketHandler>
    var request: WebRequest?
    /// With when they came.
    var messages: [(message: WebMessage, arrivedAt: UInt64)] = []
    /// Since when the connection was not read for a while; what is read then may be as old, until nothing waits any more.
    var pausedAt: UInt64?
    var waitingBytes = 0
    /// Of the message that is being received.
    var unfinishedBytes = 0
    var unsentBytes = 0
    var closure: WebClosure?
    var isQueued = false
    var isPaused = false

    var hasNews: Bool { request != nil || !messages.isEmpty || closure != nil }
  }

  private struct State {
    var mailboxes: [WebConnection: Mailbox] = [:]
    /// Those with news, each once: everybody gets a turn.
    var queue = CircularBuffer<WebConnection>()
    var next: UInt64 = 1
    var statistics = WebStatistics()
  }

  let limits: WebLimits
  private let wake: @Sendable () -> Void
  private let state = Mutex(State())
  /// When the loop has looked last.
  private let lookedAt = Atomic(MonotonicClock.nanoseconds())
  /// The time before that.
  private let lookedBefore = Atomic(MonotonicClock.nanoseconds())
  /// How often it looks, nanoseconds.
  static let lookInterval: UInt64 = 50_000_000

  init(limits: WebLimits, wake: @escaping @Sendable () -> Void) {
    self.limits = limits
    self.wake = wake
  }

  var statistics: WebStatistics {
    state.withLock { state in
      var copy = state.statistics
      copy.sockets = state.mailboxes.values.count { $0.closure == nil }
      return copy
    }
  }

  func count(_ change: (inout WebStatistics) -> Void) { state.withLock { change(&$0.statistics) } }

  // MARK: The loop's side

  func open(_ request: WebRequest, _ channel: any Channel, _ socket: NIOLoopBound<SocketHandler>) -> WebConnection {
    defer { wake() }
    return state.withLock { state in
      let connection = WebConnection(number: state.next)
      state.next += 1
      state.mailboxes[connection] = Mailbox(channel: channel, socket: socket, request: request)
      Self.enqueue(connection, &state)
      return connection
    }
  }

  /// The loop is awake; called every ``lookInterval``.
  func look() {
    lookedBefore.store(lookedAt.load(ordering: .relaxed), ordering: .relaxed)
    lookedAt.store(MonotonicClock.nanoseconds(), ordering: .relaxed)
  }

  /// When that has come which the loop reads now, at the earliest: where it has not looked for long, as in a process that was frozen,
  /// nobody knows how long it has waited. Nor do they right after it looks again: what had waited is read only then.
  private func arrival() -> UInt64 {
    let now = MonotonicClock.nanoseconds(), before = lookedBefore.load(ordering: .relaxed)
    return now > before && now - before > 3 * Self.lookInterval ? before : now
  }

  func deliver(_ message: WebMessage, from connection: WebConnection) -> Admission {
    let arrivedAt = arrival()
    let admission = state.withLock { state -> Admission in
      guard var mailbox = state.mailboxes[connection], mailbox.closure == nil else { return .taken }
      guard state.statistics.bufferedBytes + message.count <= limits.bufferedBytes else { return .overBudget }
      state.statistics.bufferedBytes += message.count
      state.statistics.messages += 1
      state.statistics.messageBytes += message.count
      mailbox.messages.append((message, min(arrivedAt, mailbox.pausedAt ?? arrivedAt)))
      mailbox.waitingBytes += message.count
      mailbox.isPaused = mailbox.messages.count >= limits.waitingMessages
      if mailbox.isPaused { mailbox.pausedAt = mailbox.pausedAt ?? arrivedAt }
      state.mailboxes[connection] = mailbox
      Self.enqueue(connection, &state)
      return mailbox.isPaused ? .takenAndFull : .taken
    }
    if admission != .overBudget { wake() }
    return admission
  }

  /// Sets how many bytes of a message are there that is not complete; `false` if the server's memory for messages is used up.
  func holds(_ bytes: Int, for connection: WebConnection) -> Bool {
    state.withLock { state in
      guard let held = state.mailboxes[connection]?.unfinishedBytes, held != bytes else { return true }
      let total = state.statistics.bufferedBytes - held + bytes
      guard bytes < held || total <= limits.bufferedBytes else { return false }
      state.mailboxes[connection]?.unfinishedBytes = bytes
      state.statistics.bufferedBytes = total
      return true
    }
  }

  /// Nothing comes from it any more. The first closure is the one that is told.
  func close(_ connection: WebConnection, _ closure: WebClosure) {
    let isNews = state.withLock { state -> Bool in
      guard var mailbox = state.mailboxes[connection], mailbox.closure == nil else { return false }
      if !closure.byPeer, closure.code != 1000, closure.code != 1001 {
        state.statistics.closedForCause[closure.code, default: 0] += 1
      }
      state.statistics.bufferedBytes -= mailbox.waitingBytes + mailbox.unfinishedBytes
      // Nobody has heard of it: nobody needs to.
      guard mailbox.request == nil else {
        state.mailboxes[connection] = nil
        return false
      }
      mailbox.messages = []
      mailbox.waitingBytes = 0
      mailbox.unfinishedBytes = 0
      mailbox.closure = closure
      state.mailboxes[connection] = mailbox
      Self.enqueue(connection, &state)
      return true
    }
    if isNews { wake() }
  }

  func wrote(_ bytes: Int, to connection: WebConnection) {
    state.withLock { $0.mailboxes[connection]?.unsentBytes -= bytes }
  }

  private static func enqueue(_ connection: WebConnection, _ state: inout State) {
    guard let mailbox = state.mailboxes[connection], !mailbox.isQueued, mailbox.hasNews else { return }
    state.mailboxes[connection]?.isQueued = true
    state.queue.append(connection)
  }

  // MARK: The other side

  func next() -> WebEvent? {
    let taken = state.withLock { state -> (event: WebEvent, resumed: (any Channel, NIOLoopBound<SocketHandler>)?)? in
      while let connection = state.queue.popFirst() {
        guard var mailbox = state.mailboxes[connection] else { continue }
        mailbox.isQueued = false
        var resumed: (any Channel, NIOLoopBound<SocketHandler>)?
        let event: WebEvent
        if let request = mailbox.request {
          event = .opened(connection, request)
          mailbox.request = nil
        } else if let closure = mailbox.closure {
          state.mailboxes[connection] = nil
          return (.closed(connection, closure), nil)
        } else if !mailbox.messages.isEmpty {
          let (message, arrivedAt) = mailbox.messages.removeFirst()
          if mailbox.messages.isEmpty { mailbox.pausedAt = nil }
          mailbox.waitingBytes -= message.count
          state.statistics.bufferedBytes -= message.count
          event = .message(connection, message, arrivedAt: arrivedAt)
          if mailbox.isPaused, mailbox.messages.count < limits.waitingMessages {
            mailbox.isPaused = false
            resumed = (mailbox.channel, mailbox.socket)
          }
        } else {
          state.mailboxes[connection] = mailbox
          continue
        }
        state.mailboxes[connection] = mailbox
        Self.enqueue(connection, &state)
        return (event, resumed)
      }
      return nil
    }
    if let (channel, socket) = taken?.resumed {
      channel.eventLoop.execute { socket.value.resume() }
    }
    return taken?.event
  }

  func send(_ message: WebMessage, to connection: WebConnection) -> WebDelivery {
    let size = message.count
    let (delivery, mailbox) = state.withLock { state -> (WebDelivery, Mailbox?) in
      guard let mailbox = state.mailboxes[connection], mailbox.closure == nil else { return (.gone, nil) }
      guard mailbox.unsentBytes == 0 || mailbox.unsentBytes + size <= limits.unsentBytes else { return (.full, nil) }
      state.mailboxes[connection]?.unsentBytes += size
      return (.sent, mailbox)
    }
    guard let mailbox else { return delivery }
    // On the loop, so that nothing follows a closing frame.
    mailbox.channel.eventLoop.execute {
      mailbox.socket.value.send(message) { self.wrote(size, to: connection) }
    }
    return delivery
  }

  func close(_ connection: WebConnection, code: Int, reason: String) {
    let place = state.withLock { state in state.mailboxes[connection].map { ($0.channel, $0.socket) } }
    guard let (channel, socket) = place else { return }
    channel.eventLoop.execute { socket.value.close(code: code, reason: reason) }
  }
}
