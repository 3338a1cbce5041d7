import Logging
import RobotInterface
import RobotLink
import RobotPolicy
import Synchronization

/// Serves a policy to robots: one thread for the socket and every decision, one for the policy.
///
/// A daemon serves once: after ``stop()`` make a new one. Messages of up to `maximumMessageBytes` are read; somewhat larger ones are
/// answered with `tooLarge`; ZeroMQ disconnects who sends more than ``RouterSocket/Options/hardLimit``.
public final class ControlDaemon: Sendable {
  /// What is still read when the daemon stops, so that it is answered too: a flood must not keep it alive.
  private static let lastMessages = 256
  private static let lastMoments: Duration = .milliseconds(50)

  /// Where the daemon listens, with a wildcard port resolved.
  public let endpoint: Endpoint

  private let policy: any ObservationPolicy
  private let capabilities: Capabilities
  private let options: DaemonOptions
  private let logger: Logger
  private let socket: Mutex<RouterSocket?>
  private let wakeUp: WakeUp
  private let isStopping = Atomic(false)
  private let snapshot = Mutex(DaemonMetrics())
  private let hub = EventHub()

  /// Binds the address; clients can connect from now on, and are served once ``run()`` has warmed the policy up.
  ///
  /// - Parameters:
  ///   - policy: used from one thread, one call at a time.
  ///   - endpoint: one of this machine alone, unless ``RouterSocket/Options/allowsOtherMachines``.
  /// - Throws: `.unsupported` when other machines can reach the address and that is not allowed, `.internal` when it cannot be bound,
  ///   or the error of a capability that cannot be sent.
  public init(
    policy: any ObservationPolicy, endpoint: Endpoint, options: DaemonOptions = DaemonOptions(), logger: Logger
  ) throws(RobotError) {
    var options = options
    var capabilities = policy.capabilities
    let limit = options.messageLimit(of: capabilities, canGenerate: policy is any Generating)
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
  }

  /// As ``init(policy:endpoint:options:logger:)``, with an address that is still a text.
  ///
  /// - Throws: also `.malformed` when it is not an address.
  public convenience init(
    policy: any ObservationPolicy, endpoint: String, options: DaemonOptions = DaemonOptions(), logger: Logger
  ) throws(RobotError) {
    try self.init(policy: policy, endpoint: Endpoint(endpoint, for: .listen), options: options, logger: logger)
  }

  /// What was done so far.
  public var metrics: DaemonMetrics { snapshot.withLock { $0 } }

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
  /// - Throws: the policy's error when it cannot be warmed up; `.shuttingDown` when it needed more memory than
  ///   ``DaemonOptions/memory`` allows, after it has told the robots; `.internal` when the socket has failed or `run()` was called
  ///   before.
  public func run() throws(RobotError) {
    guard let socket = self.socket.withLock({ $0.take() }) else {
      throw RobotError(.internal, "daemon", "a daemon runs once; make a new one")
    }
    let worker = PolicyWorker(policy: policy, wakeUp: wakeUp)
    worker.start()
    logger.info("warming up", metadata: ["endpoint": "\(endpoint)", "policy": "\(capabilities.policyName)"])
    if capabilities.isUnlimited {
      logger.warning("the policy declares no limits: nothing but the range of its actions bounds a robot")
    }
    defer {
      worker.join()
      hub.finish()
      logger.info("stopped")
    }
    do throws(RobotError) { try serve(socket, worker) } catch {
      logger.error("stopping", metadata: ["error": "\(error)"])
      throw error
    }
  }

  private func serve(_ socket: consuming RouterSocket, _ worker: PolicyWorker) throws(RobotError) {
    var socket = socket
    var core = ControlCore(capabilities: capabilities, canGenerate: policy is any Generating, options: options)
    var memory = MemoryWatch(options.memory)
    var failure: RobotError?
    while failure == nil, !isStopping.load(ordering: .sequentiallyConsistent) {
      for report in worker.takeReports() {
        switch report {
        case .ready:
          core.becomeReady(at: MonotonicClock.nanoseconds())
          memory.becomeReady()
        case .done(let outcome): core.finish(outcome, at: MonotonicClock.nanoseconds())
        case .progress(let jobID, let progress): core.report(progress, of: jobID)
        case .failed(let error): failure = error
        }
      }
      for jobID in core.takeCancellations() { worker.cancel(jobID) }
      if failure == nil, let job = core.nextJob(at: MonotonicClock.nanoseconds()) { worker.submit(job) }
      try publish(&core, &socket)
      failure = failure ?? memory.excess(at: MonotonicClock.nanoseconds())
      // One message a turn: whatever comes, and however large it is, the policy gets its next job before another is read.
      if failure == nil, let incoming = try socket.receive(timeout: memory.interval) { accept(incoming, &core) }
    }
    try receiveLast(&socket, &core)
    core.close(because: failure ?? ControlCore.shuttingDown, at: MonotonicClock.nanoseconds())
    try publish(&core, &socket)
    if let failure { throw failure }
  }

  private func receiveLast(_ socket: inout RouterSocket, _ core: inout ControlCore) throws(RobotError) {
    let end = ContinuousClock.now + Self.lastMoments
    for _ in 0..<Self.lastMessages where ContinuousClock.now < end {
      guard let incoming = try socket.receive(timeout: .zero) else { return }
      accept(incoming, &core)
    }
  }

  private func accept(_ incoming: RouterSocket.Incoming, _ core: inout ControlCore) {
    let now = MonotonicClock.nanoseconds()
    switch incoming {
    case .message(let route, let bytes):
      do throws(RobotError) { core.receive(try RequestMessage(decoding: bytes), from: route, at: now) } catch {
        core.refuse(.peek(bytes), from: route, because: error, at: now)
      }
    case .tooLarge(let route, let header, let bytes):
      let error = RobotError(
        .tooLarge, "message",
        "\(bytes) bytes, at most \(options.socket.maximumMessageBytes) are allowed; send smaller or compressed pictures"
      )
      core.refuse(header, from: route, because: error, at: now)
    case .malformed(let route, let error): core.refuse(MessageHeader(), from: route, because: error, at: now)
    }
  }

  /// Sends and tells what the core has decided.
  private func publish(_ core: inout ControlCore, _ socket: inout RouterSocket) throws(RobotError) {
    // Before the replies leave: who has an answer finds it counted.
    snapshot.withLock { $0 = core.metrics }
    for outgoing in core.takeReplies() {
      // The core lets nothing through that cannot be encoded.
      let delivery = try socket.deliver(outgoing.reply.encoded(), to: outgoing.route)
      if delivery == .gone { core.clientHasGone(outgoing.route) }
      // Progress that does not arrive is no loss.
      if delivery != .sent, outgoing.reply.body.isFinal {
        core.lostReply(to: outgoing.reply.sessionID, at: MonotonicClock.nanoseconds())
        snapshot.withLock { $0 = core.metrics }
      }
    }
    let events = core.takeEvents()
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
    case .sessionForgotten: logger.info("idle session forgotten", metadata: session)
    case .episodeBegan: logger.debug("episode began", metadata: session)
    case .replyLost: logger.warning("reply lost: the client has gone or does not read", metadata: session)
    case .refused(let error):
      logger.debug("refused", metadata: ["session": "\(event.session)", "error": "\(error)"])
    case .acted, .stopped: break
    }
  }
}
