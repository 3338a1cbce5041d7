import AccessKeys
import CZeroMQ
import Dispatch
import Foundation
internal import RobotInterface
import Synchronization

/// Decides who may connect: at most so many connections from one origin, so that no machine takes all of a daemon's descriptors and
/// memory, and where there are keys only who holds one.
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

  /// Version, request id, domain, address, identity, mechanism, credentials.
  private static let maximumFields = 7

  private let context: ZeroMQContext
  private let ended = DispatchSemaphore(value: 0)

  /// What decides.
  private struct Rules {
    /// `nil`: connections are not counted.
    var port: UInt16?
    var budget: ConnectionBudget
    /// `nil`: nobody is authenticated.
    var keys: KeyRing?
  }

  /// The handler, and what reports the handshakes that fail before it is asked.
  private struct Sockets: ~Copyable {
    var handler: ZeroMQSocket
    var monitor: ZeroMQSocket?
  }

  /// Answers for the sockets of `context` from now on.
  ///
  /// - Parameters:
  ///   - port: where they listen; `nil`: where connections are not counted.
  ///   - limit: connections of one ``ConnectionOrigin`` at most.
  ///   - keys: who may connect; `nil`: anybody.
  ///   - router: the socket whose failed handshakes are counted, where there are keys.
  /// - Throws: `.internal` with libzmq's reason.
  init(
    _ context: ZeroMQContext, port: UInt16?, limit: Int, keys: KeyRing?, router: inout ZeroMQSocket
  ) throws(RobotError) {
    self.context = context
    var handler = try ZeroMQSocket(
      .reply, context: context, options: [(ZMQ_LINGER, 0)], maximumFrameBytes: Int64(Self.maximumFieldBytes))
    try handler.bind(inProcess: Self.address)
    var monitor: ZeroMQSocket?
    if keys != nil { monitor = try router.handshakeMonitor() }
    let sockets = Mutex<Sockets?>(Sockets(handler: handler, monitor: monitor))
    let rules = Rules(port: port, budget: ConnectionBudget(limit: limit), keys: keys)
    let thread = Thread { [ended] in
      if let sockets = sockets.withLock({ $0.take() }) { Self.serve(sockets, rules) }
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

  private static func serve(_ sockets: consuming Sockets, _ rules: Rules) {
    var sockets = sockets, rules = rules
    // It fails when the context ends.
    while (try? sockets.handler.waitToReceive(beside: &sockets.monitor)) != nil {
      note(&sockets.monitor, rules.keys)
      guard
        let question = try? sockets.handler.receive(maximumBytes: maximumFieldBytes, maximumFrames: maximumFields),
        question.count > 3
      else { continue }
      let answer = answer(question.map(\.bytes), &rules)
      // Then who it is, which libzmq tells with each message, and further properties.
      let fields = [answer.status, answer.text, answer.peer].map { [UInt8]($0.utf8) } + [[]]
      _ = try? sockets.handler.deliver([question[0].bytes, question[1].bytes] + fields)
    }
  }

  private static func answer(
    _ question: [[UInt8]], _ rules: inout Rules
  ) -> (status: String, text: String, peer: String) {
    let address = String(decoding: question[3], as: UTF8.self)
    if let port = rules.port {
      let origin = ConnectionOrigin(host: address)
      guard rules.budget.admits(origin, at: MonotonicClock.nanoseconds(), count: { OpenConnections.count(to: port) })
      else { return ("400", "too many connections from \(origin)", "") }
    }
    guard let keys = rules.keys else { return ("200", "OK", "") }
    guard question.count == maximumFields, question[5] == Array("CURVE".utf8),
      let key = CurvePublicKey(bytes: question[6])
    else {
      keys.refuse(.noKey, address)
      return ("400", "this daemon asks for a key", "")
    }
    guard keys.holder(ofKey: key.text) != nil else {
      keys.refuse(.unknownKey, address)
      return ("400", "this key is not known here", "")
    }
    return ("200", "OK", key.text)
  }

  /// Counts the handshakes that came to nothing. Where they come from libzmq does not say.
  private static func note(_ monitor: inout ZeroMQSocket?, _ keys: KeyRing?) {
    while let report = try? monitor?.receive(maximumBytes: maximumFieldBytes) {
      switch report.first.flatMap({ ZeroMQSocket.HandshakeFailure(event: $0.bytes) }) {
      case .otherMechanism: keys?.refuse(.noKey, "")
      // Whoever sees first that the other one has no key, or another, ends the connection.
      case .broken, .ended: keys?.refuse(.brokenHandshake, "")
      // The handler has refused it.
      case .refused, nil: break
      }
    }
  }
}
