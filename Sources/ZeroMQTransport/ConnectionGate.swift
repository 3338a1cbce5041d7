import CZeroMQ
import Dispatch
import Foundation
import RobotInterface
import Synchronization

/// Decides who may connect: at most so many connections from one origin, so that no machine takes all of a daemon's descriptors and
/// memory.
///
/// libzmq asks its authentication handler (ZAP, ZeroMQ RFC 27) about each connection before it takes a message from it. The handler has a
/// thread of its own: nobody's handshake waits for a policy, and no flood of them delays a robot's message.
final class ConnectionGate: Sendable {
  /// Where libzmq looks for the handler of a context.
  private static let address = "inproc://zeromq.zap.01"
  /// The socket option `ZMQ_ZAP_DOMAIN` of those who want to be asked about; libzmq asks about no one where it is empty.
  static let domain = "uio2"
  /// Bytes of each field of a question.
  private static let maximumFieldBytes = 1024

  private let context: ZeroMQContext
  private let ended = DispatchSemaphore(value: 0)

  /// Answers for the sockets of `context` from now on.
  ///
  /// - Parameters:
  ///   - port: where they listen.
  ///   - limit: connections of one ``ConnectionOrigin`` at most.
  /// - Throws: `.internal` with libzmq's reason.
  init(_ context: ZeroMQContext, port: UInt16, limit: Int) throws(RobotError) {
    self.context = context
    var socket = try ZeroMQSocket(
      .reply, context: context, options: [(ZMQ_LINGER, 0)], maximumFrameBytes: Int64(Self.maximumFieldBytes))
    try socket.bind(inProcess: Self.address)
    let handler = Mutex<ZeroMQSocket?>(socket)
    let thread = Thread { [ended] in
      if let socket = handler.withLock({ $0.take() }) { Self.serve(socket, port, limit) }
      ended.signal()
    }
    thread.name = "uio2 connections"
    thread.start()
  }

  /// Ends the thread, and every wait on a socket of the context; to be called once.
  func stop() {
    context.shutDown()
    ended.wait()
  }

  private static func serve(_ socket: consuming ZeroMQSocket, _ port: UInt16, _ limit: Int) {
    var socket = socket
    var budget = ConnectionBudget(limit: limit)
    // It fails when the context ends.
    while let isReady = try? socket.waitToReceive(timeout: nil, wakeUp: nil) {
      // Version, request id, domain, address; the identity and the mechanism after them do not matter here.
      guard isReady, let question = try? socket.receive(maximumBytes: maximumFieldBytes), question.count == 4 else {
        continue
      }
      let peer = ConnectionOrigin(host: String(decoding: question[3].bytes, as: UTF8.self))
      let isAdmitted = budget.admits(peer, at: MonotonicClock.nanoseconds()) { OpenConnections.count(to: port) }
      let answer = isAdmitted ? ["200", "OK"] : ["400", "too many connections from \(peer)"]
      // Then who it is, and properties of its messages: neither is known.
      let fields = answer.map { [UInt8]($0.utf8) } + [[], []]
      _ = try? socket.deliver([question[0].bytes, question[1].bytes] + fields)
    }
  }
}
