import ControlDaemon
import Dispatch
import Foundation
import Logging
import RobotInterface
import RobotLink
import RobotPolicy
import Synchronization
import Testing
import ZMTPWire
import ZeroMQTransport

/// A daemon that serves on a thread of its own until the test lets go of it.
final class RunningDaemon: Sendable {
  /// Which transport carries our own wire. All of these tests hold for both: `UIO2_TEST_WIRE=zmtp` runs them over the other one.
  enum Wire: String, CustomStringConvertible {
    case zeromq, zmtp

    var description: String { rawValue }

    static let chosen = ProcessInfo.processInfo.environment["UIO2_TEST_WIRE"].flatMap(Wire.init(rawValue:)) ?? .zeromq

    func listener(at endpoint: String, _ options: RouterSocket.Options) throws(RobotError) -> ListenerMaker {
      let endpoint = try Endpoint(endpoint, for: .listen)
      return self == .zeromq
        ? ZeroMQListener.at(endpoint, options: options) : ZMTPListener.at(endpoint, options: options)
    }
  }

  let daemon: ControlDaemon
  /// Where it listens.
  let endpoint: Endpoint
  private let ended = DispatchSemaphore(value: 0)
  private let failure = Mutex<RobotError?>(nil)
  private let isStopped = Mutex(false)
  private let tokens = Mutex<[String: [UInt8]]>([:])

  init(
    _ policy: any ObservationPolicy, endpoint: String = "tcp://127.0.0.1:*", others: [ListenerMaker] = [],
    wire: Wire = .chosen, options: DaemonOptions = DaemonOptions(), socket: RouterSocket.Options = .init(),
    logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
  ) throws {
    daemon = try ControlDaemon(
      policy: policy, listeners: [try wire.listener(at: endpoint, socket)] + others, options: options,
      logger: logger)
    // Clients of both connect alike.
    let address = daemon.addresses[0].replacing("zmtp+ipc://", with: "ipc://").replacing("zmtp://", with: "tcp://")
    self.endpoint = try Endpoint(address, for: .listen)
    Thread.detachNewThread { [daemon, ended] in
      do throws(RobotError) { try daemon.run() } catch { self.failure.withLock { $0 = error } }
      ended.signal()
    }
  }

  deinit { daemon.stop() }

  /// A client that has said hello, with the token of the earlier clients of its session.
  func client(_ session: String = "arm", timeout: Duration = .seconds(20)) throws -> RobotClient {
    let client = try RobotClient(
      endpoint: endpoint, sessionID: session, sessionToken: tokens.withLock { $0[session] ?? [] })
    client.timeout = .seconds(20)
    _ = try client.hello(clientName: "test", clientVersion: "1")
    tokens.withLock { $0[session] = client.sessionToken }
    client.timeout = timeout
    return client
  }

  /// A client that nobody knows.
  func stranger(_ session: String = "arm", timeout: Duration = .seconds(20)) throws -> RobotClient {
    try RobotClient(endpoint: endpoint, sessionID: session, timeout: timeout)
  }

  /// Stops the daemon and waits until `run()` has returned.
  ///
  /// - Returns: what `run()` threw.
  @discardableResult
  func stop() -> RobotError? {
    daemon.stop()
    isStopped.withLock { isStopped in
      guard !isStopped else { return }
      #expect(ended.wait(timeout: .now() + 20) == .success, "run() did not return")
      isStopped = true
    }
    return failure.withLock { $0 }
  }

  /// Waits until what `condition` reads from the metrics holds.
  func wait(until condition: (DaemonMetrics) -> Bool) -> Bool {
    let deadline = ContinuousClock.now + .seconds(20)
    while !condition(daemon.metrics) {
      guard ContinuousClock.now < deadline else { return false }
      Thread.sleep(forTimeInterval: 0.001)
    }
    return true
  }
}

/// The daemon's error, when `body` is refused with one.
func refusal<Value>(_ body: () throws(ClientError) -> Value) -> RobotError? {
  do throws(ClientError) {
    _ = try body()
    return nil
  } catch {
    if case .refused(let error) = error { return error }
    Issue.record(error)
    return nil
  }
}
