import Foundation
internal import RobotInterface
import Synchronization
import ZeroMQTransport

/// Reads what is published at one address, on a thread of its own.
final class TopicReader: Sendable {
  private let subscriber: Mutex<TopicSubscriber?>
  private let wakeUp: WakeUp
  private let isEnding = Atomic(false)
  private let ended = DispatchSemaphore(value: 0)

  /// Begins to read.
  ///
  /// - Parameters:
  ///   - take: gets each message; what it throws ends the reading.
  ///   - fail: is told why the reading has ended, unless ``end()`` ended it.
  /// - Throws: `.internal` with libzmq's reason.
  init(
    _ topics: Set<String>, at place: Endpoint, maximumBytes: Int, context: ZeroMQContext,
    take: @escaping @Sendable (TopicSubscriber.Sample) throws(RobotError) -> Void,
    fail: @escaping @Sendable (RobotError) -> Void
  ) throws(RobotError) {
    let subscriber = try TopicSubscriber(topics, at: place, maximumBytes: maximumBytes, context: context)
    wakeUp = try WakeUp()
    self.subscriber = Mutex(subscriber)
    Thread.detachNewThread { [self] in
      do throws(RobotError) {
        while !isEnding.load(ordering: .sequentiallyConsistent) { try read(take) }
      } catch {
        fail(error)
      }
      ended.signal()
    }
  }

  /// Waits for a message, and takes what has come.
  private func read(_ take: (TopicSubscriber.Sample) throws(RobotError) -> Void) throws(RobotError) {
    try subscriber.withLock { (socket) throws(RobotError) in try socket?.wait(timeout: .seconds(1), wakeUp: wakeUp) }
    while !isEnding.load(ordering: .sequentiallyConsistent),
      let sample = try subscriber.withLock({ (socket) throws(RobotError) in try socket?.next() })
    {
      try take(sample)
    }
  }

  /// Ends the reading and closes the socket; call it once.
  func end() {
    isEnding.store(true, ordering: .sequentiallyConsistent)
    wakeUp.signal()
    ended.wait()
    subscriber.withLock { $0 = nil }
  }
}
