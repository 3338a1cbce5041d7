import Dispatch
import Foundation
import ProtobufCodec
import RobotInterface
import RobotLink
import Synchronization
import Testing
import ZeroMQTransport

/// A daemon that ends while somebody waits for its answer.
@Suite struct DisconnectionTests {
  /// Asks on a thread of its own.
  private final class Question: Sendable {
    let outcome = Mutex<Result<GenerationResult, ClientError>?>(nil)
    private let ended = DispatchSemaphore(value: 0)

    init(_ endpoint: String) {
      let thread = Thread { [self] in
        let result = Result { () throws(ClientError) in
          let client = try RobotClient(endpoint: endpoint, sessionID: "asker", timeout: .seconds(60))
          return try client.generate(GenerationRequest(prompt: "x"))
        }
        outcome.withLock { $0 = result }
        ended.signal()
      }
      thread.start()
    }

    /// The error, once there is one.
    func failure() -> ClientError? {
      guard ended.wait(timeout: .now() + 20) == .success, case .failure(let error)? = outcome.withLock({ $0 }) else {
        return nil
      }
      return error
    }
  }

  @Test(arguments: ["tcp", "ipc"]) func `who waits for a daemon that has ended is told at once`(transport: String)
    throws
  {
    let path = "/tmp/uio2-gone-\(UUID().uuidString.prefix(8))"
    defer { unlink(path) }
    var socket = Optional(try RouterSocket(endpoint: transport == "ipc" ? "ipc://\(path)" : "tcp://127.0.0.1:*"))
    let question = Question(socket?.endpoint.description ?? "")
    let request = try socket?.receive(timeout: .seconds(20))
    guard case .message? = request else {
      Issue.record("the question did not arrive")
      return
    }
    let begin = ContinuousClock.now
    socket = nil
    #expect(question.failure() == .disconnected)
    #expect(ContinuousClock.now - begin < .seconds(10), "and not after the time-out of a minute")
  }

  @Test func `an answer that came before the end is an answer`() throws {
    var socket = Optional(try RouterSocket(endpoint: "tcp://127.0.0.1:*"))
    let question = Question(socket?.endpoint.description ?? "")
    guard case .message(let route, let bytes)? = try socket?.receive(timeout: .seconds(20)) else {
      Issue.record("the question did not arrive")
      return
    }
    let request = try RequestMessage(decoding: bytes)
    let farewell = RobotError(.shuttingDown, "daemon", "ends")
    let reply = ReplyMessage(requestID: request.requestID, sessionID: request.sessionID, body: .error(farewell))
    #expect(try socket?.deliver(reply.encoded(), to: route) == .sent)
    // Closing waits until the reply has left.
    socket = nil
    #expect(question.failure() == .refused(farewell))
  }
}
