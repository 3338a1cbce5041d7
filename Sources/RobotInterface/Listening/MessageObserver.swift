/// Sees every message that a daemon reads and answers, such as a recorder.
///
/// It is called on the thread that serves robots, so it must return at once: whatever takes time belongs on a thread of its own.
public protocol MessageObserver: Sendable {
  /// A request that could be read has arrived, and is served after this call.
  ///
  /// - Parameters:
  ///   - bytes: as it travelled; `nil` where it came some other way.
  ///   - time: nanoseconds on ``MonotonicClock``; the daemon reckons with the same time.
  func received(_ request: RequestMessage, as bytes: [UInt8]?, at time: UInt64)

  /// A reply has left at its ``ReplyMessage/sentAt``.
  ///
  /// - Parameters:
  ///   - bytes: as it travelled; `nil` where it went some other way.
  ///   - isDelivered: `false` when its client has gone or does not read.
  func sent(_ reply: ReplyMessage, as bytes: [UInt8]?, isDelivered: Bool)
}

/// Several observers as one; each sees everything, in order.
public struct MessageObservers: MessageObserver {
  private let observers: [any MessageObserver]

  /// - Returns: `nil` when there are none.
  public init?(_ observers: [any MessageObserver]) {
    guard !observers.isEmpty else { return nil }
    self.observers = observers
  }

  /// Tells all.
  public func received(_ request: RequestMessage, as bytes: [UInt8]?, at time: UInt64) {
    for observer in observers { observer.received(request, as: bytes, at: time) }
  }

  /// Tells all.
  public func sent(_ reply: ReplyMessage, as bytes: [UInt8]?, isDelivered: Bool) {
    for observer in observers { observer.sent(reply, as: bytes, isDelivered: isDelivered) }
  }
}
