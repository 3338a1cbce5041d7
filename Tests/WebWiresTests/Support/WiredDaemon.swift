import AccessKeys
import ControlDaemon
import Dispatch
import Foundation
import Logging
import RobotInterface
import RobotLink
import RobotPolicy
import Synchronization
import TestSupport
import Testing
import WebWires

/// A policy without a model: one camera of 4 × 2 pixels, a state of two numbers, chunks of three actions of two.
final class CountingPolicy: ObservationPolicy {
  let capabilities: Capabilities
  /// Signalled when the policy may become warm.
  let warmth = DispatchSemaphore(value: 0)
  private let isCold: Bool
  private let validity: UInt64
  private let log = Mutex<[Observation]>([])

  init(isCold: Bool = false, validity: UInt64 = 30_000_000_000, actionNames: [String] = ["dx", "dy"]) {
    self.isCold = isCold
    self.validity = validity
    capabilities = Capabilities(
      policyName: "counting", policyDigest: "00", serverVersion: "test",
      cameras: [.init(name: "front", width: 4, height: 2, verticalFieldOfView: nil, input: .image)],
      proprioception: ["x", "y"].map { .init(name: $0, unit: "m", minimum: -1, maximum: 1) },
      actions: actionNames.map { .init(name: $0, unit: "m", minimum: -1000, maximum: 1000) }, actionFrame: "base",
      actionMode: .delta, hold: .zero, chunkLength: 3, controlRate: 10, limits: .init())
  }

  /// The observations that were worked on, in order.
  var seen: [Observation] { log.withLock { $0 } }

  func warmUp() throws(RobotError) { if isCold { warmth.wait() } }

  /// The place in the chunk, and which chunk of the policy it is.
  func act(on observation: Observation, context: inout EpisodeContext) throws(RobotError) -> ActionChunk {
    let count = log.withLock { log in
      log.append(observation)
      return log.count
    }
    return ActionChunk(
      observationSequence: observation.sequence, capturedAt: observation.capturedAt,
      validUntil: observation.capturedAt + validity,
      actions: (0..<3).map { Action(values: [Double($0), Double(count)]) }, tokens: [4], text: "4", confidence: 0.5,
      timings: StageTimings())
  }
}

/// A daemon with our own wire and one of others, on a thread of its own.
final class WiredDaemon: MessageObserver {
  let policy: CountingPolicy
  private let operatorToken = SessionToken()
  private let wires: WebWires
  private let running = Mutex<ControlDaemon?>(nil)
  private let ended = DispatchSemaphore(value: 0)
  private let notes = Mutex<[String]>([])
  private let news = DispatchSemaphore(value: 0)

  /// - Parameter keys: whose tokens let in on the foreign wire; our own is left out then.
  init(
    _ policy: CountingPolicy = CountingPolicy(), keys: KeyRing? = nil, wire: (WebWires) -> ListenerMaker
  ) throws {
    self.policy = policy
    wires = WebWires(keys: keys)
    var options = DaemonOptions()
    options.observer = self
    options.requiresKeys = keys != nil
    options.operatorToken = operatorToken
    let daemon = try ControlDaemon(
      policy: policy, listeners: [wire(wires)] + (keys == nil ? [ZeroMQListener.at("tcp://127.0.0.1:*")] : []),
      options: options,
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    running.withLock { $0 = daemon }
    Thread.detachNewThread { [ended] in
      try? daemon.run()
      ended.signal()
    }
  }

  /// Ends the daemon, then the thread of the wires.
  func stop() {
    policy.warmth.signal()
    guard let daemon = running.withLock({ $0.take() }) else { return }
    daemon.stop()
    #expect(ended.wait(timeout: .now() + 20) == .success, "run() did not return")
    wires.shutDown()
  }

  private var addresses: [String] { running.withLock { $0?.addresses ?? [] } }

  /// Where the foreign wire listens.
  var address: String { addresses.first ?? "" }

  /// A client of the foreign wire, connected.
  func socket(path: String = "/", _ headers: [String] = []) throws -> RawClient {
    let client = try rawClient()
    try client.open(path: path, headers)
    return client
  }

  /// A client that has said nothing yet.
  func rawClient() throws -> RawClient {
    try RawClient(port: try #require(address.split(separator: ":").last.flatMap { Int($0) }))
  }

  /// Takes keys away, after their ring has lost them.
  func endKeys(_ names: Set<String>) { running.withLock { $0?.endKeys(names) } }

  /// What the daemon counts.
  var metrics: DaemonMetrics { running.withLock { $0?.metrics } ?? DaemonMetrics() }

  /// Latches the stop of a session from somewhere else.
  func stopRobot(_ session: String) throws {
    let client = try RobotClient(
      endpoint: Endpoint(try #require(addresses.last), for: .connect), sessionID: session, timeout: .seconds(20))
    #expect(try client.stop(reason: "test"))
  }

  /// The operator, who speaks of a session.
  func person(_ session: String) throws -> RobotClient {
    try RobotClient(
      endpoint: Endpoint(try #require(addresses.last), for: .connect), sessionID: session,
      sessionToken: operatorToken.bytes, timeout: .seconds(20))
  }

  /// What the daemon was asked on the foreign wire, in order; waits for as many.
  func asked(_ count: Int) -> [String] {
    while notes.withLock({ $0.count }) < count {
      guard news.wait(timeout: .now() + 20) == .success else { break }
    }
    return notes.withLock { $0 }
  }

  /// Somebody without a token, on our own wire.
  func stranger(_ session: String) throws -> RobotClient {
    try RobotClient(
      endpoint: Endpoint(try #require(addresses.last), for: .connect), sessionID: session, timeout: .seconds(20))
  }

  func received(_ request: RequestMessage, as bytes: [UInt8]?, at time: UInt64) {
    guard bytes == nil else { return }
    let word =
      switch request.body {
      case .hello: "hello"
      case .observation(let observation): "observation \(observation.sequence)"
      case .reset: "reset"
      case .release: "release"
      case .stop: "stop"
      default: "other"
      }
    notes.withLock { $0.append(word) }
    news.signal()
  }

  func sent(_ reply: ReplyMessage, as bytes: [UInt8]?, isDelivered: Bool) {}
}
