import Logging
import RobotInterface
import RobotLink
import RobotPolicy
import Synchronization

/// Serves a policy to robots: one thread for the socket and every decision, one for the policy.
///
/// A daemon serves once: after ``stop()`` make a new one. Messages of up to `maximumMessageBytes` are read; up to
/// ``RouterSocket/hardLimitFactor`` times that are answered with `tooLarge`; ZeroMQ disconnects whoever sends more.
public final class ControlDaemon: Sendable {
  /// Messages taken off the socket before the policy is told that there is work: enough to find the newest observation of each robot,
  /// few enough that a flood does not keep the policy waiting.
  private static let messagesPerTurn = 256

  /// Where the daemon listens, with a wildcard port resolved.
  public let endpoint: String

  private let policy: any ObservationPolicy
  private let capabilities: Capabilities
  private let options: DaemonOptions
  private let logger: Logger
  private let socket: Mutex<RouterSocket?>
  private let wakeUp: WakeUp
  private let isStopping = Atomic(false)
  private let core: SharedCore
  private let hub = EventHub()

  /// Binds the address; clients can connect from now on, and are served once ``run()`` has warmed the policy up.
  ///
  /// - Parameters:
  ///   - policy: used from one thread, one call at a time.
  ///   - endpoint: `tcp://host:port` (port `*` for any) or `ipc://path`.
  /// - Throws: `.internal` when the address cannot be bound, or the error of a capability that cannot be sent.
  public init(
    policy: any ObservationPolicy, endpoint: String, options: DaemonOptions = DaemonOptions(), logger: Logger
  ) throws(RobotError) {
    var options = options
    var capabilities = policy.capabilities
    let limit = capabilities.limits.maximumMessageBytes ?? UInt64(clamping: options.socket.maximumMessageBytes)
    capabilities.limits.maximumMessageBytes = limit
    options.socket.maximumMessageBytes = Int(clamping: limit)
    try ReplyMessage(requestID: 0, sessionID: "", body: .capabilities(capabilities)).validate()

    let socket = try RouterSocket(endpoint: endpoint, options: options.socket)
    self.endpoint = socket.endpoint
    self.wakeUp = socket.wakeUp
    self.socket = Mutex(socket)
    self.policy = policy
    self.capabilities = capabilities
    self.options = options
    self.logger = logger
    core = SharedCore(
      ControlCore(capabilities: capabilities, canGenerate: policy is any Generating, options: options),
      wakeUp: wakeUp)
  }

  /// What was done so far.
  public var metrics: DaemonMetrics { core.decide { $0.metrics } }

  /// What happens from now on; ends when the daemon stops.
  ///
  /// - Parameter count: events kept for a listener that falls behind; then it loses the oldest. Each may hold the pictures
  ///   of one observation.
  public func events(bufferingNewest count: Int = 256) -> AsyncStream<DaemonEvent> {
    hub.subscribe(bufferingNewest: count)
  }

  /// Ends ``run()``: pending requests are answered with `shuttingDown`, a step that is being computed is waited for, a
  /// generation until its next token, and the result dropped. Safe from any thread and from a signal handler.
  public func stop() {
    isStopping.store(true, ordering: .sequentiallyConsistent)
    wakeUp.signal()
  }

  /// Serves until ``stop()``, on the calling thread. To be called once.
  ///
  /// - Throws: the policy's error when it cannot be warmed up; `.internal` when the socket has failed or `run()` was called
  ///   before.
  public func run() throws(RobotError) {
    guard let socket = self.socket.withLock({ $0.take() }) else {
      throw RobotError(.internal, "daemon", "a daemon runs once; make a new one")
    }
    let worker = PolicyWorker(policy: policy, core: core)
    worker.start()
    logger.info("warming up", metadata: ["endpoint": "\(endpoint)", "policy": "\(capabilities.policyName)"])
    defer {
      core.decide { $0.close(at: MonotonicClock.nanoseconds()) }
      worker.join()
      publishEvents()
      hub.finish()
      logger.info("stopped")
    }
    do throws(RobotError) { try serve(socket) } catch {
      logger.error("stopping", metadata: ["error": "\(error)"])
      throw error
    }
  }

  private func serve(_ socket: consuming RouterSocket) throws(RobotError) {
    var socket = socket
    while !isStopping.load(ordering: .sequentiallyConsistent), !core.decide(\.isClosed) {
      try publish(&socket)
      guard let incoming = try socket.receive(timeout: nil) else { continue }
      accept(incoming)
      try receiveAll(&socket)
      core.announceWork()
    }
    try receiveAll(&socket)
    core.decide { $0.close(at: MonotonicClock.nanoseconds()) }
    try publish(&socket)
    if let failure = core.decide(\.failure) { throw failure }
  }

  /// Takes in what has come. A message may be large, so that replies leave after each.
  private func receiveAll(_ socket: inout RouterSocket) throws(RobotError) {
    for _ in 0..<Self.messagesPerTurn {
      try publish(&socket)
      guard let incoming = try socket.receive(timeout: .zero) else { return }
      accept(incoming)
    }
  }

  private func accept(_ incoming: RouterSocket.Incoming) {
    let now = MonotonicClock.nanoseconds()
    switch incoming {
    case .message(let route, let bytes):
      do throws(RobotError) {
        let request = try RequestMessage(decoding: bytes)
        core.decide { $0.receive(request, from: route, at: now) }
      } catch {
        core.decide { $0.refuse(.peek(bytes), from: route, because: error, at: now) }
      }
    case .tooLarge(let route, let header, let bytes):
      let error = RobotError(
        .tooLarge, "message",
        "\(bytes) bytes, at most \(options.socket.maximumMessageBytes) are allowed; send smaller or compressed pictures"
      )
      core.decide { $0.refuse(header, from: route, because: error, at: now) }
    case .malformed(let route, let error):
      core.decide { $0.refuse(MessageHeader(), from: route, because: error, at: now) }
    }
  }

  /// Sends and tells what the core has decided.
  private func publish(_ socket: inout RouterSocket) throws(RobotError) {
    while let outgoing = core.decide({ $0.nextReply(at: MonotonicClock.nanoseconds()) }) {
      // The core lets nothing through that cannot be encoded.
      let delivery = try socket.deliver(outgoing.reply.encoded(), to: outgoing.route)
      if delivery == .gone { core.decide { $0.clientHasGone(outgoing.route) } }
      // Progress that does not arrive is no loss.
      if delivery != .sent, outgoing.reply.body.isFinal {
        core.decide { $0.lostReply(to: outgoing.reply.sessionID, at: MonotonicClock.nanoseconds()) }
      }
    }
    publishEvents()
  }

  private func publishEvents() {
    let events = core.decide { $0.takeEvents() }
    for event in events { log(event) }
    hub.publish(events)
  }

  private func log(_ event: DaemonEvent) {
    let session: Logger.Metadata = ["session": "\(event.session)"]
    switch event.kind {
    case .ready: logger.info("ready", metadata: ["endpoint": "\(endpoint)"])
    case .stopLatched(let reason):
      logger.notice("stop latched", metadata: ["session": "\(event.session)", "reason": "\(reason)"])
    case .stopCleared: logger.notice("stop cleared", metadata: session)
    case .sessionOpened: logger.info("session opened", metadata: session)
    case .sessionYielded: logger.info("idle session gave its place away", metadata: session)
    case .episodeBegan: logger.debug("episode began", metadata: session)
    case .replyLost: logger.warning("reply lost: the client has gone or does not read", metadata: session)
    case .refused(let error):
      logger.debug("refused", metadata: ["session": "\(event.session)", "error": "\(error)"])
    case .acted, .stopped: break
    }
  }
}
