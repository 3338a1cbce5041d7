import Foundation
import RobotInterface
import Synchronization
import ZeroMQTransport

/// Two bare sockets at an address: what ZeroMQ costs when nobody looks into the messages.
final class BareEcho: Sendable {
  private let socket: Mutex<RouterSocket?>
  private let wakeUp: WakeUp
  private let isStopping = Atomic(false)
  private let ended = DispatchSemaphore(value: 0)

  /// Answers every message at `endpoint` with `answer`, on a thread of its own.
  init(endpoint: String, answer: [UInt8]) throws(RobotError) {
    let wakeUp = try WakeUp()
    let socket = try RouterSocket(endpoint: endpoint, wakeUp: wakeUp)
    self.wakeUp = wakeUp
    self.socket = Mutex(socket)
    Thread.detachNewThread { [self] in
      if let socket = self.socket.withLock({ $0.take() }) { serve(socket, answer) }
      ended.signal()
    }
  }

  private func serve(_ socket: consuming RouterSocket, _ answer: [UInt8]) {
    var socket = socket
    while !isStopping.load(ordering: .sequentiallyConsistent) {
      guard case .message(let route, _)? = try? socket.receive(timeout: nil) else { continue }
      _ = try? socket.deliver(answer, to: route)
    }
  }

  /// Ends the thread.
  func stop() {
    isStopping.store(true, ordering: .sequentiallyConsistent)
    wakeUp.signal()
    ended.wait()
  }
}

/// The other end of a ``BareEcho``.
struct BareClient: ~Copyable {
  private var socket: ZeroMQSocket

  init(endpoint: String) throws(RobotError) {
    var socket = try ZeroMQSocket(
      .dealer, options: [], maximumFrameBytes: Int64(ProtocolLimits.maximumMessageBytes))
    try socket.connect(Endpoint(endpoint, for: .connect))
    self.socket = socket
  }

  /// Sends bytes and waits for the answer.
  ///
  /// - Throws: `.internal` when none comes within five seconds.
  mutating func roundTrip(_ bytes: [UInt8]) throws(RobotError) {
    guard try socket.send([bytes]), try socket.waitToReceive(timeout: .seconds(5), wakeUp: nil),
      try socket.receive(maximumBytes: ProtocolLimits.maximumMessageBytes) != nil
    else { throw RobotError(.internal, "echo", "no answer within 5 s") }
  }
}
