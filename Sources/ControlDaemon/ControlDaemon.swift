public import Logging
public import RobotInterface
public import RobotPolicy
import Synchronization

/// Serves a policy to robots on any number of wires: one thread for the wires, and a few that decode pictures and run the policy.
///
/// What comes in on a ``RobotListener`` goes to ``ControlCore`` by way of ``PolicyWorkers``; what the core says goes back the same way. The
/// daemon knows neither message formats nor sockets. It serves once: after ``stop()`` make a new one.
public final class ControlDaemon: Sendable {
  /// Where the daemon listens, as clients would write it, with a wildcard port resolved; in the order of the listeners.
  public let addresses: [String]

  private let workers: PolicyWorkers
  private let capabilities: Capabilities
  private let address: AddressWatch
  private let log: DaemonLog
  private let reception: Mutex<Reception?>
  private let wakeUp: WakeUp
  private let isStopping = Atomic(false)
  /// Names of keys that are held no more, and of which the core has not heard yet.
  private let endedKeys = Mutex<Set<String>>([])
  private let hub = EventHub()
  private let meters: DaemonMeters
  private let memory: MemoryWatch
  private let outgrown = Atomic(false)

  /// Begins to listen; clients can connect from now on, and are served once ``run()`` has warmed the policy up.
  ///
  /// - Parameters:
  ///   - policy: runs one call at a time, not always on the same thread; beside it a ``PreparingPolicy`` or ``Generating`` prepares.
  ///   - listeners: the wires; they take turns. Where one cannot listen, those before it are closed again.
  /// - Throws: a listener's error, or the error of a capability that cannot be sent.
  public init(
    policy: any ObservationPolicy, listeners: [ListenerMaker], options: DaemonOptions = DaemonOptions(), logger: Logger
  ) throws(RobotError) {
    var capabilities = policy.capabilities
    let limit = options.messageLimit(of: capabilities, canGenerate: policy is any Generating)
    capabilities.limits.maximumMessageBytes = limit
    try ReplyMessage(requestID: 0, sessionID: "", body: .capabilities(capabilities)).validate()

    // What the process holds is looked at before anybody can connect.
    memory = try MemoryWatch(options.memory, workingMemory: policy.workingMemory)
    let wakeUp = try WakeUp()
    let setting = ListenerSetting(
      capabilities: capabilities, maximumMessageBytes: Int(clamping: limit), observer: options.observer,
      wake: { wakeUp.signal() })
    let wires = try Self.open(listeners, setting)
    addresses = wires.map(\.address)
    meters = DaemonMeters(options.metrics, wires: wires.map(\.name))
    reception = Mutex(Reception(wires, wakeUp: wakeUp))
    self.wakeUp = wakeUp
    let core = ControlCore(
      capabilities: capabilities, canGenerate: policy is any Generating, decodesAhead: policy is any PreparingPolicy,
      options: options)
    workers = PolicyWorkers(policy: policy, core: core, wakeUp: wakeUp)
    self.capabilities = capabilities
    address = AddressWatch(wires, hindrance: options.hindrance, wakeUp: wakeUp)
    log = DaemonLog(logger, addresses: addresses)
  }

  private static func open(
    _ listeners: [ListenerMaker], _ setting: ListenerSetting
  ) throws(RobotError) -> [any RobotListener] {
    var open: [any RobotListener] = []
    do throws(RobotError) {
      for make in listeners { open.append(try make(setting)) }
      return open
    } catch {
      for listener in open { listener.shutDown(within: .zero) }
      throw error
    }
  }

  deinit { reception.withLock { $0.take() }?.shutDown(within: .zero) }

  /// Whether ``run()`` has ended because the daemon needed more memory than ``DaemonOptions/memory`` allows: whoever watches over it should
  /// start it again.
  public var hasOutgrownMemory: Bool { outgrown.load(ordering: .sequentiallyConsistent) }

  /// What was done so far.
  public var metrics: DaemonMetrics { workers.metrics }

  /// What happens from now on; ends when the daemon stops.
  ///
  /// - Parameter count: events kept for a listener that falls behind; then it loses the oldest, and is told how many
  ///   (``DaemonEvent/Kind/eventsLost(_:)``). Each may hold the pictures of one observation.
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

  /// Stops the sessions that belong to keys which are held no more, and ends what they have asked for. Only an operator lets them go on. Safe
  /// from any thread; the listeners must refuse those keys already.
  public func endKeys(_ names: Set<String>) {
    guard !names.isEmpty else { return }
    endedKeys.withLock { $0.formUnion(names) }
    wakeUp.signal()
  }

  /// Serves until ``stop()``, on the calling thread. To be called once.
  ///
  /// - Throws: the policy's error when it cannot be warmed up; `.shuttingDown` when it needed more memory than
  ///   ``DaemonOptions/memory`` allows (subject `memory`), when its address does not lead to it any more or ``DaemonOptions/hindrance`` says
  ///   so, after it has told the robots; `.internal` when a wire has failed or `run()` was called
  ///   before.
  public func run() throws(RobotError) {
    guard var reception = self.reception.withLock({ $0.take() }) else {
      throw RobotError(.internal, "daemon", "a daemon runs once; make a new one")
    }
    workers.start()
    address.start()
    log.begin(capabilities, ceiling: memory.ceiling)
    defer {
      address.stop()
      reception.shutDown()
      workers.tell { $0.close(at: MonotonicClock.nanoseconds()) }
      workers.join()
      tell(workers.takeEvents())
      hub.finish()
      log.end()
    }
    do throws(RobotError) { try serve(&reception) } catch {
      log.end(because: error)
      throw error
    }
  }

  private func serve(_ reception: inout Reception) throws(RobotError) {
    var memory = memory
    var failure: RobotError?
    let interval = [memory.interval, meters.interval].compactMap(\.self).min()
    while failure == nil, !isStopping.load(ordering: .sequentiallyConsistent) {
      let stopped = endKeys()
      publish(&reception)
      for session in stopped { reception.voidCommands(of: session, isStopped: true) }
      let now = MonotonicClock.nanoseconds()
      if meters.isDue(at: now) { show(reception, memory) }
      failure = workers.failure
      if failure == nil, let excess = memory.excess(at: now) {
        outgrown.store(true, ordering: .sequentiallyConsistent)
        failure = excess
      }
      failure = failure ?? address.failure
      // One message a turn: whatever comes, and however large it is, the workers can see it before another is read.
      if failure == nil, let arrival = reception.next(timeout: interval) { accept(arrival) }
      failure = failure ?? reception.failure.map(Self.told)
    }
    reception.last(accept)
    workers.tell { [failure] core in
      let now = MonotonicClock.nanoseconds()
      if let failure { core.fail(because: failure, at: now) } else { core.close(at: now) }
    }
    publish(&reception)
    if let failure = reception.failure ?? failure { throw failure }
  }

  /// What clients of the other wires are told when one has failed.
  private static func told(_ failure: RobotError) -> RobotError {
    RobotError(
      .shuttingDown, failure.subject, "a wire of this daemon has failed, so that it ends: \(failure.message)")
  }

  /// - Returns: the sessions that were stopped.
  private func endKeys() -> [String] {
    let names = endedKeys.withLock { names in
      defer { names.removeAll() }
      return names
    }
    guard !names.isEmpty else { return [] }
    var stopped: [String] = []
    workers.tell { stopped = $0.endKeys(names, at: MonotonicClock.nanoseconds()) }
    return stopped
  }

  private func accept(_ arrival: Arrival) {
    switch arrival {
    case .request(let route, let request, let time):
      switch request {
      case .success(let request): workers.receive { $0.receive(request, from: route, at: time) }
      case .failure(let request): workers.tell { $0.refuse(request, from: route, at: time) }
      }
    case .gone(let route): workers.tell { $0.clientHasGone(route) }
    }
  }

  /// Sends and tells what the core has decided.
  private func publish(_ reception: inout Reception) {
    guard workers.hasNews() else { return }
    while let outgoing = workers.nextReply() {
      meters.count(outgoing)
      let delivery = reception.deliver(outgoing.reply, to: outgoing.route)
      guard delivery != .sent else { continue }
      meters.countLost(outgoing)
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

  private func show(_ reception: Reception, _ memory: MemoryWatch) {
    meters.show(
      workers.metrics, rejected: reception.rejectedBytes, used: memory.used, ceiling: memory.ceiling,
      lostEvents: hub.lostEvents)
  }

  private func tell(_ events: [DaemonEvent]) {
    for event in events { log.note(event) }
    hub.publish(events)
  }
}
