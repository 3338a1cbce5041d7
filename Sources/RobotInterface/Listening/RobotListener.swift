/// A wire that robots and people who ask come in on: an address, a transport and a message format, of which the daemon knows nothing.
///
/// A listener brings requests and takes replies. It decides nothing about robots:
///
/// - Every request is handed on once, and each gets exactly one final reply, which is delivered here. A request has been checked
///   (``RequestMessage/validate()``); what cannot be read is handed on as ``UnreadableRequest``, or as a stop if that is what somebody meant.
/// - A format without sessions has one a connection: the listener says hello in its client's name, with a name and a token of its own, learns
///   the ``Capabilities`` from the answer, counts observations, turns the beginning of an episode into
///   ``RequestMessage/Body/reset`` and the end of the connection into ``RequestMessage/Body/release``.
/// - A format without times has an observation made when it arrived.
/// - A request arrived when its last byte left the socket, not when the daemon asks for it: how long it waits counts into its age.
/// - Bytes, connections, and messages that nobody has taken yet are bounded here, for each client and for all.
///
/// ``next()`` and ``deliver(_:to:)`` are called by one thread and never wait. A listener whose clients are read by a thread of its own calls
/// ``ListenerSetting/wake`` when there is something new; one without names a descriptor to wait for.
public protocol RobotListener: AnyObject, Sendable {
  /// Of the wire, in logs and metrics, such as `zeromq`.
  var name: String { get }
  /// Where it listens, as clients would write it, with a port that the system chose filled in.
  var address: String { get }
  /// Becomes readable when ``next()`` may have something after it had nothing; `nil`: ``ListenerSetting/wake`` is called instead.
  var descriptor: Int32? { get }
  /// Whether ``address`` leads here still, as far as can be told: a socket's file can be removed, or its folder renamed. The daemon asks once a
  /// second, on a thread that nobody waits for, and ends where it does not.
  var isReachable: Bool { get }

  /// Bytes of messages that were refused so far without being served: too large, or not what the format allows. From any thread.
  var rejectedBytes: UInt64 { get }

  /// What has come and was not taken yet; connections take turns.
  ///
  /// - Throws: `.internal` when the wire has failed for good; it is not asked again, and the daemon tells the clients of its other wires and ends.
  func next() throws(RobotError) -> Arrival?

  /// Sends a reply to whoever the route belongs to.
  ///
  /// - Returns: what became of it; unless sent it is dropped.
  /// - Throws: as ``next()``.
  func deliver(_ reply: ReplyMessage, to route: Route) throws(RobotError) -> Delivery

  /// The commands of a session are void, whoever asked for it: it was stopped, has begun a new episode, was given up or is resumed. What a
  /// wire keeps of earlier chunks for later must not leave any more.
  ///
  /// Called on the thread of ``deliver(_:to:)``, after the session's last chunk and before the request is acknowledged.
  ///
  /// - Parameter isStopped: whether the session's stop is latched from then on.
  func voidCommands(of session: String, isStopped: Bool)

  /// Takes nothing more, lets what was delivered leave, and closes. The last call; it may take `grace`, and comes from any thread, so that
  /// several wires close at the same time.
  func shutDown(within grace: Duration)
}

extension RobotListener {
  /// ``ListenerSetting/wake`` is called.
  public var descriptor: Int32? { nil }

  /// None is refused.
  public var rejectedBytes: UInt64 { 0 }

  /// Nothing is kept.
  public func voidCommands(of session: String, isStopped: Bool) {}

  /// An address of a network stays.
  public var isReachable: Bool { true }
}

/// What a listener is told of the daemon that it serves.
public struct ListenerSetting: Sendable {
  /// What the daemon drives, without a session's token.
  public var capabilities: Capabilities
  /// Bytes of one request, above 0. A larger one is answered with `tooLarge` where the wire lets that be told.
  public var maximumMessageBytes: Int
  /// Sees every request that the listener hands on and every reply that it delivers, with the bytes where there are any; `nil`: nobody does.
  public var observer: (any MessageObserver)?
  /// Says that there is something new. From any thread, as often as one likes, also from a signal handler.
  public var wake: @Sendable () -> Void

  /// Collects the parts.
  public init(
    capabilities: Capabilities, maximumMessageBytes: Int, observer: (any MessageObserver)? = nil,
    wake: @escaping @Sendable () -> Void
  ) {
    self.capabilities = capabilities
    self.maximumMessageBytes = maximumMessageBytes
    self.observer = observer
    self.wake = wake
  }
}

/// Begins to listen for a daemon: clients can connect from then on.
///
/// - Throws: `.unsupported` for an address that is not permitted, `.internal` with the address as subject when it cannot be had.
public typealias ListenerMaker = (ListenerSetting) throws(RobotError) -> any RobotListener
