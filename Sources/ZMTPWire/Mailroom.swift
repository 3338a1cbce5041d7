import NIOCore
import RobotInterface
import RobotLink
import Synchronization
import ZeroMQTransport

/// What has come from all connections and was not taken yet, and what is on its way to them. Connections take turns; each has so much, and all together
/// have so much.
final class Mailroom: Sendable {
  /// What connections may cost.
  struct Limits: Sendable {
    /// Messages of one connection that wait; then nothing more is read from it.
    var waitingMessages = 16
    /// Bytes of them; one message may be more.
    var waitingBytes = 16 << 20
    /// Bytes of all connections that wait or are of unfinished messages. Who would go beyond is closed, unless all that it has is ``smallBytes``.
    var allBytes = 256 << 20
    /// So that a stop gets through whatever the others hold.
    var smallBytes = 1 << 16
    /// Replies on their way to a client that does not read them, and their bytes.
    var unsentReplies = 64
    var unsentBytes = 8 << 20
    /// Bytes of replies on their way to all clients.
    var allUnsentBytes = 64 << 20
    /// Connections of one ``ConnectionOrigin``, and in all.
    var connectionsOfOneOrigin = 256
    var connections = 4096
  }

  /// How a connection is reached on its own thread. Any thread may call these.
  struct Mouth: Sendable {
    var send: @Sendable (_ payload: [UInt8], _ hasDelimiter: Bool) -> Void
    var readOn: @Sendable () -> Void
  }

  private struct Box {
    let mouth: Mouth
    var peer: RouterSocket.Peer?
    var waiting: [(incoming: RouterSocket.Incoming, bytes: Int, arrivedAt: UInt64)] = []
    var waitingBytes = 0
    var partialBytes = 0
    var unsentReplies = 0
    var unsentBytes = 0
    /// Whether nothing is read from it until something is taken.
    var isFull = false
    /// Whether the connection has ended; what waits is still handed out.
    var hasEnded = false
    var origin: ConnectionOrigin?
  }

  /// What ``next()`` finds.
  enum News {
    case message(RouterSocket.Incoming, arrivedAt: UInt64)
    /// By its last message.
    case gone(RouterSocket.Peer)
  }

  private struct State {
    var boxes: [UInt64: Box] = [:]
    var origins: [ConnectionOrigin: Int] = [:]
    var connections = 0
    /// Connections with something that waits, each once.
    var turns: [UInt64] = []
    var gone: [RouterSocket.Peer] = []
    var allBytes = 0
    var unsentBytes = 0
    var last: UInt64 = 0

    /// A connection makes room for another.
    mutating func leave(_ origin: ConnectionOrigin?) {
      connections -= 1
      if let origin, let count = origins[origin] { origins[origin] = count > 1 ? count - 1 : nil }
    }

    /// Forgets a connection that has ended, and of which nothing waits.
    mutating func forget(_ connection: UInt64, _ box: Box) {
      boxes[connection] = nil
      leave(box.origin)
      if let peer = box.peer { gone.append(peer) }
    }
  }

  let limits: Limits
  private let state = Mutex(State())
  private let wake: @Sendable () -> Void

  init(_ limits: Limits, wake: @escaping @Sendable () -> Void) {
    self.limits = limits
    self.wake = wake
  }

  // MARK: Connections

  /// Counts a connection, if there is room.
  ///
  /// - Parameter origin: `nil` on an ipc address.
  /// - Returns: its number.
  func admit(_ origin: ConnectionOrigin?) -> UInt64? {
    state.withLock { state in
      guard state.connections < limits.connections else { return nil }
      if let origin {
        guard state.origins[origin, default: 0] < limits.connectionsOfOneOrigin else { return nil }
        state.origins[origin, default: 0] += 1
      }
      state.connections += 1
      state.last += 1
      return state.last
    }
  }

  /// A connection that was admitted has ended. What it has said before is still handed out, a stop among it, and counts until then.
  func release(_ connection: UInt64, _ origin: ConnectionOrigin?) {
    let isKnown = state.withLock { state in
      guard var box = state.boxes[connection] else {
        state.leave(origin)
        return false
      }
      state.allBytes -= box.partialBytes
      (box.partialBytes, box.hasEnded, box.origin) = (0, true, origin)
      if box.waiting.isEmpty { state.forget(connection, box) } else { state.boxes[connection] = box }
      return true
    }
    if isKnown { wake() }
  }

  /// The peer of a connection is let in.
  func open(_ connection: UInt64, _ mouth: Mouth) { state.withLock { $0.boxes[connection] = Box(mouth: mouth) } }

  /// Throws away what nobody takes any more, once all connections have ended.
  func clear() { state.withLock { $0.boxes = [:] } }

  // MARK: In

  /// Whether a connection has room for another message; where it has none, it is told when it has.
  func hasRoom(_ connection: UInt64) -> Bool {
    state.withLock { state in
      guard let box = state.boxes[connection] else { return true }
      let isFull = box.waiting.count >= limits.waitingMessages || box.waitingBytes >= limits.waitingBytes
      state.boxes[connection]?.isFull = isFull
      return !isFull
    }
  }

  /// A message has come.
  func add(_ incoming: RouterSocket.Incoming, bytes: Int, from connection: UInt64) {
    let now = MonotonicClock.nanoseconds()
    state.withLock { state in
      guard state.boxes[connection] != nil else { return }
      if state.boxes[connection]?.waiting.isEmpty == true { state.turns.append(connection) }
      state.boxes[connection]?.waiting.append((incoming, bytes, now))
      state.boxes[connection]?.waitingBytes += bytes
      state.boxes[connection]?.peer = incoming.peer
      state.allBytes += bytes
    }
    wake()
  }

  /// Says how many bytes of a connection are of no message yet.
  ///
  /// - Returns: whether there is room for them.
  func holds(_ bytes: Int, of connection: UInt64) -> Bool {
    state.withLock { state in
      guard let box = state.boxes[connection] else { return bytes <= limits.smallBytes }
      state.allBytes += bytes - box.partialBytes
      state.boxes[connection]?.partialBytes = bytes
      return state.allBytes <= limits.allBytes || bytes + box.waitingBytes <= limits.smallBytes
    }
  }

  /// The next message, connections in turn.
  func next() -> News? {
    let (news, mouth) = state.withLock { state -> (News?, Mouth?) in
      if !state.gone.isEmpty { return (.gone(state.gone.removeFirst()), nil) }
      guard !state.turns.isEmpty else { return (nil, nil) }
      let connection = state.turns.removeFirst()
      guard var box = state.boxes[connection], !box.waiting.isEmpty else { return (nil, nil) }
      let first = box.waiting.removeFirst()
      box.waitingBytes -= first.bytes
      state.allBytes -= first.bytes
      let readsOn = box.isFull
      box.isFull = false
      state.boxes[connection] = box
      if !box.waiting.isEmpty {
        state.turns.append(connection)
      } else if box.hasEnded {
        state.forget(connection, box)
      }
      return (.message(first.incoming, arrivedAt: first.arrivedAt), readsOn ? box.mouth : nil)
    }
    mouth?.readOn()
    return news
  }

  // MARK: Out

  /// Sends a reply; never waits.
  func send(_ payload: [UInt8], hasDelimiter: Bool, to connection: UInt64) -> Delivery {
    let found = state.withLock { state -> (Delivery, Mouth?) in
      guard let box = state.boxes[connection], !box.hasEnded else { return (.gone, nil) }
      guard box.unsentReplies < limits.unsentReplies, box.unsentBytes + payload.count <= limits.unsentBytes,
        state.unsentBytes + payload.count <= limits.allUnsentBytes
      else { return (.full, nil) }
      state.unsentBytes += payload.count
      state.boxes[connection]?.unsentReplies += 1
      state.boxes[connection]?.unsentBytes += payload.count
      return (.sent, box.mouth)
    }
    found.1?.send(payload, hasDelimiter)
    return found.0
  }

  /// A reply has left.
  func sent(bytes: Int, to connection: UInt64) {
    state.withLock { state in
      state.unsentBytes -= bytes
      state.boxes[connection]?.unsentReplies -= 1
      state.boxes[connection]?.unsentBytes -= bytes
    }
  }
}
