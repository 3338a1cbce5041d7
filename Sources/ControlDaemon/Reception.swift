import Dispatch
import Foundation
package import RobotInterface

/// Where the wires of a daemon meet: takes what has come on any of them, in turn, and hands replies to the one that they belong to.
///
/// One thread's. It knows no robots, and of sessions only that their commands are void. A wire that fails is left out from then on, so
/// that the others' clients can still be told.
package struct Reception {
  /// What is still read when the daemon stops, so that it is answered too: a flood must not keep it alive.
  private static let lastMessages = 256
  private static let lastMoments: Duration = .milliseconds(50)
  /// How long closing waits for replies to leave, all wires together.
  private static let grace: Duration = .milliseconds(500)

  private let listeners: [any RobotListener]
  private let descriptors: [Int32]
  private let wakeUp: WakeUp
  /// Whose turn it is.
  private var turn = 0
  /// Wires that have failed.
  private var failed: Set<Int> = []
  /// Why the first wire that has failed did so, or why nobody can wait any more; the daemon ends then.
  package private(set) var failure: RobotError?

  /// - Parameter wakeUp: signalled by whoever has something for this thread.
  package init(_ listeners: [any RobotListener], wakeUp: WakeUp) {
    self.listeners = listeners
    self.wakeUp = wakeUp
    descriptors = listeners.compactMap(\.descriptor)
  }

  /// The next arrival, if there is one: whichever wire has been busy, each of the others gets its turn before it has another.
  package mutating func next() -> Arrival? {
    for _ in listeners.indices {
      let place = turn
      turn = (turn + 1) % listeners.count
      guard !failed.contains(place) else { continue }
      do throws(RobotError) {
        if let arrival = try listeners[place].next() { return arrival.marked(place) }
      } catch {
        fail(place, error)
      }
    }
    return nil
  }

  /// As ``next()``, but waits until something comes, somebody signals, or the time is over.
  ///
  /// Nothing may be delivered between having found nothing and waiting: sending can take the news of an arrival off a descriptor.
  package mutating func next(timeout: Duration?) -> Arrival? {
    if let arrival = next() { return arrival }
    guard failure == nil else { return nil }
    do throws(RobotError) { try wakeUp.wait(beside: descriptors, timeout: timeout) } catch {
      failure = error
      return nil
    }
    return next()
  }

  /// Bytes that each wire has refused so far, in the order of the listeners.
  package var rejectedBytes: [UInt64] { listeners.map(\.rejectedBytes) }

  /// What came before the end, as much as can be answered without delaying it.
  package mutating func last(_ accept: (Arrival) -> Void) {
    let end = ContinuousClock.now + Self.lastMoments
    for _ in 0..<Self.lastMessages where ContinuousClock.now < end {
      guard let arrival = next() else { return }
      accept(arrival)
    }
  }

  /// Sends a reply.
  package mutating func deliver(_ reply: ReplyMessage, to route: Route) -> Delivery {
    // On every wire: whoever asked for it, the session's robot may be elsewhere.
    if case .acknowledgement(let isStopped) = reply.body {
      voidCommands(of: reply.sessionID, isStopped: isStopped)
    }
    guard listeners.indices.contains(route.listener), !failed.contains(route.listener) else { return .gone }
    do throws(RobotError) { return try listeners[route.listener].deliver(reply, to: route) } catch {
      fail(route.listener, error)
      return .gone
    }
  }

  /// Tells every wire that what a session was commanded is void: it was stopped, reset, given up or resumed.
  package func voidCommands(of session: String, isStopped: Bool) {
    for (place, listener) in listeners.enumerated() where !failed.contains(place) {
      listener.voidCommands(of: session, isStopped: isStopped)
    }
  }

  private mutating func fail(_ place: Int, _ error: RobotError) {
    failed.insert(place)
    failure = failure ?? error
  }

  /// Closes every wire: all begin at once, so that it takes as long as the slowest and not as long as all together.
  package func shutDown(within grace: Duration? = nil) {
    let grace = grace ?? Self.grace, ended = DispatchSemaphore(value: 0)
    for listener in listeners.dropFirst() {
      Thread.detachNewThread {
        listener.shutDown(within: grace)
        ended.signal()
      }
    }
    listeners.first?.shutDown(within: grace)
    for _ in listeners.dropFirst() { ended.wait() }
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
