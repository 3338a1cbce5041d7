import Logging
import RobotInterface
import RobotLink
import RobotPolicy
import Synchronization

/// Serves a policy to robots: one thread for the socket, and a few that decode pictures and run the policy.
///
/// A daemon serves once: after ``stop()`` make a new one. Messages of up to `maximumMessageBytes` are read; somewhat larger ones are
/// answered with `tooLarge`; ZeroMQ disconnects who sends more than ``RouterSocket/Options/hardLimit``.
public final class ControlDaemon: Sendable {
  /// What is still read when the daemon stops, so that it is answered too: a flood must not keep it alive.
  private static let lastMessages = 256
  private static let lastMoments: Duration = .milliseconds(50)

  /// Where the daemon listens, with a wildcard port resolved.
  public let endpoint: Endpoint

  private let workers: PolicyWorkers
  private let capabilities: Capabilities
  private let options: DaemonOptions
  private let logger: Logger
  private let socket: Mutex<RouterSocket?>
  private let wakeUp: WakeUp
  private let isStopping = Atomic(false)
  private let hub = EventHub()
  private let memory: MemoryWatch

  /// Binds the address; clients can connect from now on, and are served once ``run()`` has warmed the policy up.
  ///
  /// - Parameters:
  ///   - policy: runs one call at a time, not always on the same thread; beside it a ``PreparingPolicy`` or ``Generating`` prepares.
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

    // What the process holds is looked at before anybody can connect.
    memory = try MemoryWatch(options.memory, workingMemory: policy.workingMemory)
    let socket = try RouterSocket(endpoint: endpoint, options: options.socket)
    self.endpoint = socket.endpoint
    self.wakeUp = socket.wakeUp
    self.socket = Mutex(socket)
    let core = ControlCore(
      capabilities: capabilities, canGenerate: policy is any Generating, decodesAhead: policy is any PreparingPolicy,
      options: options)
    workers = PolicyWorkers(policy: policy, core: core, wakeUp: wakeUp)
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
  public var metrics: DaemonMetrics { workers.metrics }

  /// What happens from now on; ends when the daemon stops.
  ///
  /// - Parameter count: events kept for a listener that falls behind; then it loses the oldest. Each may hold the pictures
  ///   of one observation.
  public func events(bufferingNewest count: Int = 256) -> AsyncStream<DaemonEvent> {
    hub.subscribe(bufferingNewest: count)
  }

  /// Ends ``run()``: pending requests are answered with `shuttingDown`, a step that is being computed is waited for, a
  /// generation until its next token, and the result dropped; what is being decoded ends at once. Safe from any thread and from a
  /// signal handler.
  public func stop() {
    isStopping.store(true, ordering: .sequentiallyConsistent)
    wakeUp.signal()
  }

  /// Serves until ``stop()``, on the calling thread. To be called once.
  ///
  /// - Throws: the policy's error when it cannot be warmed up; `.shuttingDown` when it needed more memory than
  ///   ``DaemonOptions/memory`` allows (subject `memory`), when its address does not lead to it any more or ``DaemonOptions/hindrance`` says
  ///   so, after it has told the robots; `.internal` when the socket has failed or `run()` was called
  ///   before.
  public func run() throws(RobotError) {
    guard let socket = self.socket.withLock({ $0.take() }) else {
      throw RobotError(.internal, "daemon", "a daemon runs once; make a new one")
    }
    workers.start()
    logger.info("warming up", metadata: ["endpoint": "\(endpoint)", "policy": "\(capabilities.policyName)"])
    if let ceiling = memory.ceiling { logger.info("memory ceiling", metadata: ["MiB": "\(ceiling >> 20)"]) }
    if capabilities.isUnlimited {
      logger.warning("the policy declares no limits: nothing but the range of its actions bounds a robot")
    } else if !capabilities.unlimitedDimensions.isEmpty {
      let names = capabilities.unlimitedDimensions.joined(separator: ", ")
      logger.warning(
        "the policy declares no limits for some numbers of its actions: nothing but their range bounds them",
        metadata: ["names": "\(names)"])
    }
    defer {
      workers.tell { $0.close(at: MonotonicClock.nanoseconds()) }
      workers.join()
      tell(workers.takeEvents())
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
    var memory = memory
    var address = AddressWatch(hindrance: options.hindrance)
    var failure: RobotError?
    while failure == nil, !isStopping.load(ordering: .sequentiallyConsistent) {
      try publish(&socket)
      let now = MonotonicClock.nanoseconds()
      failure = workers.failure ?? memory.excess(at: now)
      if failure == nil { failure = address.failure(of: socket, at: now) }
      // One message a turn: whatever comes, and however large it is, the workers can see it before another is read.
      if failure == nil, let incoming = try socket.receive(timeout: memory.interval ?? AddressWatch.interval) {
        accept(incoming)
      }
    }
    try receiveLast(&socket)
    workers.tell { [failure] core in
      let now = MonotonicClock.nanoseconds()
      if let failure { core.fail(because: failure, at: now) } else { core.close(at: now) }
    }
    try publish(&socket)
    if let failure { throw failure }
  }

  private func receiveLast(_ socket: inout RouterSocket) throws(RobotError) {
    let end = ContinuousClock.now + Self.lastMoments
    for _ in 0..<Self.lastMessages where ContinuousClock.now < end {
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
        workers.receive { $0.receive(request, from: route, at: now) }
      } catch {
        refuse(.peek(bytes), from: route, because: error, at: now)
      }
    case .tooLarge(let route, let header, let bytes):
      let error = RobotError(
        .tooLarge, "message",
        "\(bytes) bytes, at most \(options.socket.maximumMessageBytes) are allowed; send smaller or compressed pictures"
      )
      refuse(header, from: route, because: error, at: now)
    case .malformed(let route, let error):
      workers.tell { $0.refuse(MessageHeader(), from: route, because: error, at: now) }
    }
  }

  /// Answers what cannot be read, unless somebody wants a robot to stop by it.
  private func refuse(
    _ header: MessageHeader, from route: RouterSocket.Route, because error: RobotError, at now: UInt64
  ) {
    guard let reason = header.stopReason, !header.sessionID.isEmpty else {
      return workers.tell { $0.refuse(header, from: route, because: error, at: now) }
    }
    let stop = RequestMessage(requestID: header.requestID, sessionID: header.sessionID, body: .stop(reason: reason))
    workers.receive { $0.receive(stop, from: route, at: now) }
  }

  /// Sends and tells what the core has decided.
  private func publish(_ socket: inout RouterSocket) throws(RobotError) {
    guard workers.hasNews() else { return }
    while let outgoing = workers.nextReply() {
      // The core lets nothing through that cannot be encoded.
      let delivery = try socket.deliver(outgoing.reply.encoded(), to: outgoing.route)
      guard delivery != .sent else { continue }
      workers.tell { core in
        if delivery == .gone { core.clientHasGone(outgoing.route) }
        // Progress that does not arrive is no loss.
        if outgoing.reply.body.isFinal {
          core.lostReply(to: outgoing.reply.sessionID, at: MonotonicClock.nanoseconds())
        }
      }
    }
    tell(workers.takeEvents())
  }

  private func tell(_ events: [DaemonEvent]) {
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
    case .sessionReleased: logger.notice("session released", metadata: session)
    case .stopForgotten:
      logger.warning(
        "a stop had to be forgotten: every session that is not known begins stopped, until the operator resumes unknown sessions"
      )
    case .unknownSessionsResumed: logger.notice("unknown sessions begin unstopped again")
    case .episodeBegan: logger.debug("episode began", metadata: session)
    case .replyLost: logger.warning("reply lost: the client has gone or does not read", metadata: session)
    case .refused(let error):
      logger.debug("refused", metadata: ["session": "\(event.session)", "error": "\(error)"])
    case .acted, .stopped: break
    }
  }
}
