import Foundation
import ProtobufCodec
public import RobotInterface
import Synchronization
internal import Topics
import ZeroMQTransport

/// Cameras and an arm that publish over ZeroMQ, each a process of its own, as one robot of the daemon; commands are published, too.
///
/// Every message has two frames: the topic, which is the name of the source or of the session, and a `uio2.v1` message. A source publishes
/// requests with an observation of the one part that it has; commands go out as the replies that a robot would get. All are processes of one
/// machine, whose monotonic clock they share.
public final class TopicsListener: RobotListener {
  /// Samples that are taken off the socket before time is looked at again.
  private static var samplesPerTurn: Int { 64 }

  private struct State {
    var conversation: TopicConversation
    /// Requests that the daemon has not taken: at most one observation, and what is rare.
    var arrivals: [(request: RequestMessage, arrivedAt: UInt64)] = []
    var failure: RobotError?
  }

  /// Always `topics`.
  public let name = "topics"
  /// Where commands are published, with a wildcard port resolved.
  public let address: String

  private let settings: TopicSettings
  private let period: UInt64
  private let maximumMessageBytes: Int
  private let observer: (any MessageObserver)?
  private let wake: @Sendable () -> Void
  private let note: @Sendable (String) -> Void
  private let state: Mutex<State>
  private let publisher: Mutex<TopicPublisher?>
  private let subscriber: Mutex<TopicSubscriber?>
  private let wakeUp: WakeUp
  private let isEnding = Atomic(false)
  private let ended = DispatchSemaphore(value: 0)

  /// Publishes from now on, and listens to the sources.
  ///
  /// - Parameters:
  ///   - endpoint: of this machine alone.
  ///   - note: is told what is new about the sources.
  /// - Throws: `.malformed` and `.unsupported` for settings that fit no arm of this policy; `.internal` when the address cannot be had.
  public init(
    at endpoint: Endpoint, _ settings: TopicSettings, for setting: ListenerSetting,
    note: @escaping @Sendable (String) -> Void
  ) throws(RobotError) {
    try settings.check(for: setting.capabilities)
    guard endpoint.isLocal else {
      throw RobotError(
        .unsupported, "topics://", "commands go to an arm of this machine alone; listen at 127.0.0.1 or [::1]")
    }
    let publisher = try TopicPublisher(at: endpoint)
    let subscriber = try TopicSubscriber(
      Set(settings.sources.map(\.source.name)), at: Set(settings.sources.map(\.endpoint)),
      maximumBytes: setting.maximumMessageBytes)
    wakeUp = try WakeUp()
    address = publisher.endpoint.description.replacing("tcp://", with: "topics://")
    self.settings = settings
    period = settings.period(for: setting.capabilities)
    maximumMessageBytes = setting.maximumMessageBytes
    observer = setting.observer
    wake = setting.wake
    self.note = note
    var generator = SystemRandomNumberGenerator()
    let token = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    state = Mutex(State(conversation: TopicConversation(settings, token: token)))
    self.publisher = Mutex(publisher)
    self.subscriber = Mutex(subscriber)
    Thread.detachNewThread { [self] in
      run()
      ended.signal()
    }
  }

  /// Publishes at `endpoint` as soon as there is a daemon.
  public static func at(
    _ endpoint: Endpoint, _ settings: TopicSettings, note: @escaping @Sendable (String) -> Void = { _ in }
  ) -> ListenerMaker {
    { (setting) throws(RobotError) in try TopicsListener(at: endpoint, settings, for: setting, note: note) }
  }

  /// The next request of the arm.
  public func next() throws(RobotError) -> Arrival? {
    let arrival = try state.withLock { (state) throws(RobotError) in
      if let failure = state.failure { throw failure }
      return state.arrivals.isEmpty ? nil : state.arrivals.removeFirst()
    }
    guard let arrival else { return nil }
    observer?.received(arrival.request, as: nil, at: arrival.arrivedAt)
    return .request(Route(connection: [1]), .success(arrival.request), arrivedAt: arrival.arrivedAt)
  }

  /// Publishes what is for the arm.
  public func deliver(_ reply: ReplyMessage, to route: Route) throws(RobotError) -> Delivery {
    let turn = try carryOut { $0.take(reply, at: MachineClock.nanoseconds()) }
    // Commands that this side has dropped, as of before a stop, are not the arm's.
    let isDropped = if case .actionChunk = reply.body { turn.published.isEmpty } else { false }
    observer?.sent(reply, as: nil, isDelivered: !isDropped)
    return .sent
  }

  /// Tells the arm to drop what it has.
  public func voidCommands(of session: String, isStopped: Bool) {
    guard session == settings.session else { return }
    // A publisher that fails is found out by the next reply or tick.
    _ = try? carryOut { conversation in
      TopicConversation.Turn(published: [conversation.void(isStopped: isStopped)])
    }
  }

  /// Tells the arm to hold, and closes.
  public func shutDown(within grace: Duration) {
    isEnding.store(true, ordering: .sequentiallyConsistent)
    wakeUp.signal()
    ended.wait()
    let end = ReplyMessage(
      requestID: 0, sessionID: settings.session, body: .error(RobotError(.shuttingDown, "daemon", "the daemon ends")))
    try? publish([end])
    publisher.withLock { $0 = nil }
    subscriber.withLock { $0 = nil }
  }

  // MARK: Turns

  /// What a conversation has decided is sent while it is locked, so that nothing older follows.
  @discardableResult
  private func carryOut(
    _ decide: (inout TopicConversation) throws(RobotError) -> TopicConversation.Turn
  ) throws(RobotError) -> TopicConversation.Turn {
    let turn = try state.withLock { (state) throws(RobotError) in
      let turn = try decide(&state.conversation)
      add(turn.requests, to: &state)
      try publish(turn.published)
      return turn
    }
    for line in turn.notes { note(line) }
    if !turn.requests.isEmpty { wake() }
    return turn
  }

  private func add(_ requests: [RequestMessage], to state: inout State) {
    let now = MonotonicClock.nanoseconds()
    for request in requests {
      // The newest counts; the daemon has not heard of the others.
      if request.isObservation { state.arrivals.removeAll { $0.request.isObservation } }
      state.arrivals.append((request, now))
    }
  }

  private func publish(_ replies: [ReplyMessage]) throws(RobotError) {
    for reply in replies {
      let bytes = try reply.encoded()
      try publisher.withLock { (publisher) throws(RobotError) in
        try publisher?.publish(bytes, as: settings.session)
      }
    }
  }

  // MARK: The sources' thread

  private func run() {
    var due = MachineClock.nanoseconds()
    do throws(RobotError) {
      while !isEnding.load(ordering: .sequentiallyConsistent) {
        let now = MachineClock.nanoseconds()
        if now >= due {
          try carryOut { $0.tick(at: now) }
          // What was missed is not made up for.
          due = max(due + period, now)
        }
        try listen(until: due)
      }
    } catch {
      state.withLock { $0.failure = error }
      wake()
    }
  }

  private func listen(until due: UInt64) throws(RobotError) {
    for _ in 0..<Self.samplesPerTurn {
      guard let sample = try subscriber.withLock({ (socket) throws(RobotError) in try socket?.next() }) else { break }
      try take(sample)
      guard MachineClock.nanoseconds() < due else { return }
    }
    let now = MachineClock.nanoseconds()
    guard now < due else { return }
    try subscriber.withLock { (socket) throws(RobotError) in
      try socket?.wait(timeout: .nanoseconds(due - now), wakeUp: wakeUp)
    }
  }

  private func take(_ sample: TopicSubscriber.Sample) throws(RobotError) {
    // A subscription is to all topics that begin alike.
    guard let source = settings.sources.first(where: { $0.source.name == sample.topic }) else { return }
    switch read(sample, from: source) {
    case .success(let message):
      try carryOut { TopicConversation.Turn(requests: $0.take(message, at: MachineClock.nanoseconds())) }
    case .failure(let fault): state.withLock { $0.conversation.disbelieve(fault) }
    }
  }

  private func read(
    _ sample: TopicSubscriber.Sample, from source: TopicSettings.Source
  ) -> Result<TopicMessage, TopicFault> {
    guard let bytes = sample.message else {
      let found = "a topic and one message of \(maximumMessageBytes) bytes at most, found \(sample.size)"
      return .failure(TopicFault(sample.topic, .unreadable("expected \(found)")))
    }
    let request: RequestMessage
    do throws(RobotError) { request = try RequestMessage(decoding: bytes) } catch {
      return .failure(TopicFault(sample.topic, .unreadable(error.description)))
    }
    return Result { () throws(TopicFault) in try TopicMessage(request, from: source) }
  }
}

extension RequestMessage {
  fileprivate var isObservation: Bool { if case .observation = body { true } else { false } }
}
