import Dispatch
import RobotInterface
import Synchronization
import Testing

/// A wire without bytes: a test puts requests in and takes replies out.
final class FakeWire: RobotListener {
  private struct State {
    var arrivals: [Arrival] = []
    var replies: [(reply: ReplyMessage, route: Route)] = []
    var failure: RobotError?
    /// What ``next()`` says when nothing else is there, as often as it is asked.
    var flood: Arrival?
    var taken = 0
    var isClosed = false
    /// Called before ``next()`` takes one more.
    var beforeNext: (@Sendable (_ taken: Int) -> Void)?
    var whileClosing: (@Sendable () -> Void)?
    /// How often commands were said to be void, with whether the session was stopped.
    var voids: [String] = []
  }

  let name = "fake"
  let address: String
  let setting: ListenerSetting
  private let state = Mutex(State())
  private let hasReply = DispatchSemaphore(value: 0)

  init(_ address: String = "fake://", for setting: ListenerSetting) {
    self.address = address
    self.setting = setting
  }

  /// Makes wires and keeps them.
  final class Box: Sendable {
    private let made = Mutex<[FakeWire]>([])

    var wires: [FakeWire] { made.withLock { $0 } }

    /// The maker of one wire.
    func maker(_ address: String = "fake://") -> ListenerMaker {
      { (setting) throws(RobotError) in
        let wire = FakeWire(address, for: setting)
        self.made.withLock { $0.append(wire) }
        return wire
      }
    }
  }

  /// How many arrivals the daemon has taken.
  var taken: Int { state.withLock { $0.taken } }
  var isClosed: Bool { state.withLock { $0.isClosed } }

  func arrive(_ arrival: Arrival) {
    state.withLock { $0.arrivals.append(arrival) }
    setting.wake()
  }

  /// A request of a client.
  func ask(
    _ body: RequestMessage.Body, id: UInt64 = 1, session: String = "fake", token: [UInt8] = [], client: UInt8 = 1
  ) {
    let request = RequestMessage(requestID: id, sessionID: session, sessionToken: token, body: body)
    arrive(.request(Route(connection: [client]), .success(request), arrivedAt: MonotonicClock.nanoseconds()))
  }

  /// From now on there is always one more of these.
  func flood(_ arrival: Arrival) {
    state.withLock { $0.flood = arrival }
    setting.wake()
  }

  func fail(_ error: RobotError) {
    state.withLock { $0.failure = error }
    setting.wake()
  }

  /// Waits for the next reply.
  func reply() throws -> (reply: ReplyMessage, route: Route) {
    try #require(hasReply.wait(timeout: .now() + 20) == .success, "no reply")
    return state.withLock { $0.replies.removeFirst() }
  }

  /// Calls `body` on the daemon's thread each time it is about to take one more, with how many it has taken.
  func beforeNext(_ body: @escaping @Sendable (_ taken: Int) -> Void) { state.withLock { $0.beforeNext = body } }

  /// Calls `body` when the wire is closed.
  func whileClosing(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.whileClosing = body } }

  /// Whose commands were said to be void, in order.
  var voids: [String] { state.withLock { $0.voids } }

  // MARK: The listener

  func voidCommands(of session: String, isStopped: Bool) {
    state.withLock { $0.voids.append(isStopped ? "\(session) stopped" : session) }
  }

  func next() throws(RobotError) -> Arrival? {
    let (taken, beforeNext) = state.withLock { ($0.taken, $0.beforeNext) }
    beforeNext?(taken)
    let result = state.withLock { state -> Result<Arrival?, RobotError> in
      if let failure = state.failure { return .failure(failure) }
      let arrival = state.arrivals.isEmpty ? state.flood : state.arrivals.removeFirst()
      if arrival != nil { state.taken += 1 }
      return .success(arrival)
    }
    return try result.get()
  }

  func deliver(_ reply: ReplyMessage, to route: Route) throws(RobotError) -> Delivery {
    let (isClosed, isKept) = state.withLock { state in
      let isKept = !state.isClosed && state.flood == nil
      if isKept { state.replies.append((reply, route)) }
      return (state.isClosed, isKept)
    }
    if isKept { hasReply.signal() }
    return isClosed ? .gone : .sent
  }

  func shutDown(within grace: Duration) {
    let whileClosing = state.withLock { state in
      state.isClosed = true
      return state.whileClosing
    }
    whileClosing?()
  }
}
