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

  // MARK: The listener

  func next() throws(RobotError) -> Arrival? {
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

  func shutDown(within grace: Duration) { state.withLock { $0.isClosed = true } }
}
