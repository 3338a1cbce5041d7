import RobotInterface

/// Where the wires of a daemon meet: takes what has come on any of them, in turn, and hands replies to the one that they belong to.
///
/// One thread's. It knows no robots, and of sessions only that one is stopped.
struct Reception {
  /// What is still read when the daemon stops, so that it is answered too: a flood must not keep it alive.
  private static let lastMessages = 256
  private static let lastMoments: Duration = .milliseconds(50)
  /// How long closing waits for replies to leave, for each wire.
  private static let grace: Duration = .milliseconds(500)

  private let listeners: [any RobotListener]
  private let descriptors: [Int32]
  private let wakeUp: WakeUp
  /// Whose turn it is.
  private var turn = 0

  /// - Parameter wakeUp: signalled by whoever has something for this thread.
  init(_ listeners: [any RobotListener], wakeUp: WakeUp) {
    self.listeners = listeners
    self.wakeUp = wakeUp
    descriptors = listeners.compactMap(\.descriptor)
  }

  /// The next arrival, if there is one: whichever wire has been busy, each of the others gets its turn before it has another.
  ///
  /// - Throws: when a wire has failed for good.
  mutating func next() throws(RobotError) -> Arrival? {
    for _ in listeners.indices {
      let place = turn
      turn = (turn + 1) % listeners.count
      if let arrival = try listeners[place].next() { return arrival.marked(place) }
    }
    return nil
  }

  /// As ``next()``, but waits until something comes, somebody signals, or the time is over.
  ///
  /// Nothing may be delivered between having found nothing and waiting: sending can take the news of an arrival off a descriptor.
  mutating func next(timeout: Duration?) throws(RobotError) -> Arrival? {
    if let arrival = try next() { return arrival }
    try wakeUp.wait(beside: descriptors, timeout: timeout)
    return try next()
  }

  /// The first address that does not lead here any more; `nil`: all do.
  var lostAddress: String? { listeners.first { !$0.isReachable }?.address }

  /// What came before the end, as much as can be answered without delaying it.
  mutating func last(_ accept: (Arrival) -> Void) throws(RobotError) {
    let end = ContinuousClock.now + Self.lastMoments
    for _ in 0..<Self.lastMessages where ContinuousClock.now < end {
      guard let arrival = try next() else { return }
      accept(arrival)
    }
  }

  /// Sends a reply.
  ///
  /// - Throws: when a wire has failed for good.
  func deliver(_ reply: ReplyMessage, to route: Route) throws(RobotError) -> Delivery {
    // On every wire: whoever asked for the stop, its robot may be elsewhere.
    if case .acknowledgement(stopped: true) = reply.body { stopped(session: reply.sessionID) }
    guard listeners.indices.contains(route.listener) else { return .gone }
    return try listeners[route.listener].deliver(reply, to: route)
  }

  /// Tells every wire that a session's stop is latched.
  func stopped(session: String) {
    for listener in listeners { listener.stopped(session: session) }
  }

  /// Closes every wire.
  func shutDown(within grace: Duration = grace) {
    for listener in listeners { listener.shutDown(within: grace) }
  }
}

extension Arrival {
  /// Says on which wire it came.
  fileprivate func marked(_ place: Int) -> Arrival {
    switch self {
    case .request(var route, let request, let time):
      route.listener = place
      return .request(route, request, arrivedAt: time)
    case .gone(var route):
      route.listener = place
      return .gone(route)
    }
  }
}
