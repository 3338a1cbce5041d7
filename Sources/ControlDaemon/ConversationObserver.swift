public import RobotInterface

/// Sees every request and every reply of a daemon, on whichever wire, in order: to record them, for example.
///
/// Its methods are called on the thread that serves the wires, so they must be quick and never wait.
public protocol ConversationObserver: Sendable {
  /// A request, or what could not be read of one.
  ///
  /// - Parameter time: when it arrived, nanoseconds on ``MonotonicClock``.
  func received(_ request: Result<RequestMessage, UnreadableRequest>, from route: Route, at time: UInt64)

  /// A reply as it left, or did not.
  ///
  /// - Parameter time: when, nanoseconds on ``MonotonicClock``.
  func sent(_ reply: ReplyMessage, to route: Route, _ delivery: Delivery, at time: UInt64)
}
