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
