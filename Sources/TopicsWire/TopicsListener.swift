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
  /// Numbers of daemon processes: with the 32 bits of a request's they make whole numbers that JSON keeps exactly.
  private static var lives: UInt32 { 1 << 20 }

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
  /// One for each address, so that a topic comes from where its source is and from nowhere else.
  private let readers = Mutex<[TopicReader]>([])
  private let isEnding = Atomic(false)
  private let ending = DispatchSemaphore(value: 0)
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
    address = publisher.endpoint.description.replacing("tcp://", with: "topics://")
    self.settings = settings
    period = settings.period(for: setting.capabilities)
    maximumMessageBytes = setting.maximumMessageBytes
    observer = setting.observer
    wake = setting.wake
    self.note = note
    var generator = SystemRandomNumberGenerator()
    let token = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    let life = UInt32.random(in: 1..<Self.lives, using: &generator)
    state = Mutex(State(conversation: TopicConversation(settings, token: token, life: life)))
    self.publisher = Mutex(publisher)
    try read(from: try ZeroMQContext())
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
    ending.signal()
    ended.wait()
    endReading()
    let end = ReplyMessage(
      requestID: 0, sessionID: settings.session, body: .error(RobotError(.shuttingDown, "daemon", "the daemon ends")))
    try? publish([end])
    publisher.withLock { $0 = nil }
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

  private func read(from context: ZeroMQContext) throws(RobotError) {
    do throws(RobotError) {
      for (place, sources) in Dictionary(grouping: settings.sources, by: \.endpoint) {
        let reader = try TopicReader(
          Set(sources.map(\.source.name)), at: place, maximumBytes: maximumMessageBytes, context: context,
          take: { [weak self] (sample) throws(RobotError) in try self?.take(sample, of: sources) },
          fail: { [weak self] in self?.fail($0) })
        readers.withLock { $0.append(reader) }
      }
    } catch {
      endReading()
      throw error
    }
  }

  private func endReading() {
    let readers = readers.withLock { readers in
      defer { readers = [] }
      return readers
    }
    for reader in readers { reader.end() }
  }

  private func fail(_ error: RobotError) {
    state.withLock { $0.failure = $0.failure ?? error }
    wake()
  }

  private func run() {
    var due = MachineClock.nanoseconds()
    do throws(RobotError) {
      while !isEnding.load(ordering: .sequentiallyConsistent) {
        let now = MachineClock.nanoseconds()
        // Between two decisions a source may become late: it is not found out at the next one.
        let fault = state.withLock { $0.conversation.nextFault.map { $0.addingReportingOverflow(1).partialValue } }
        if now >= due || fault.map({ now >= $0 }) ?? false {
          try carryOut { $0.tick(at: now) }
          // What was missed is not made up for.
          if now >= due { due = max(due + period, now) }
        } else {
          let rest = min(due, fault ?? due) - now
          _ = ending.wait(timeout: .now() + .nanoseconds(Int(min(rest, 1_000_000_000))))
        }
      }
    } catch {
      fail(error)
    }
  }

  private func take(
    _ sample: TopicSubscriber.Sample, of sources: [TopicSettings.Source]
  ) throws(RobotError) {
    // A subscription is to all topics that begin alike.
    guard let source = sources.first(where: { $0.source.name == sample.topic }) else { return }
    switch read(sample, from: source) {
    case .success(.sample(let message)):
      try carryOut { TopicConversation.Turn(requests: $0.take(message, at: MachineClock.nanoseconds())) }
    case .success(.stop(let reason)): try carryOut { $0.stop(byArm: reason) }
    case .failure(let fault): state.withLock { $0.conversation.disbelieve(fault) }
    }
  }

  /// What a source has published.
  private enum Reading {
    case sample(TopicMessage)
    /// Of the arm alone.
    case stop(reason: String)
  }

  private func read(
    _ sample: TopicSubscriber.Sample, from source: TopicSettings.Source
  ) -> Result<Reading, TopicFault> {
    guard let bytes = sample.message else {
      let found = "a topic and one message of \(maximumMessageBytes) bytes at most, found \(sample.size)"
      return .failure(TopicFault(sample.topic, .unreadable("expected \(found)")))
    }
    let request: RequestMessage
    do throws(RobotError) { request = try RequestMessage(decoding: bytes) } catch {
      return .failure(TopicFault(sample.topic, .unreadable(error.description)))
    }
    if case .stop(let reason) = request.body, source.role == .arm { return .success(.stop(reason: reason)) }
    return Result { () throws(TopicFault) in .sample(try TopicMessage(request, from: source)) }
  }
}

extension RequestMessage {
  fileprivate var isObservation: Bool { if case .observation = body { true } else { false } }
}
