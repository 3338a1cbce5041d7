import AccessKeys
import ProtobufCodec
public import RobotInterface
import Synchronization
public import ZeroMQTransport

/// The daemon's own wire: `uio2.v1` in protobuf over ZeroMQ, for REQ and DEALER clients.
///
/// Messages of up to ``ListenerSetting/maximumMessageBytes`` are read; somewhat larger ones are answered with `tooLarge`; ZeroMQ disconnects
/// who sends more than ``RouterSocket/Options/hardLimit``.
public final class ZeroMQListener: RobotListener {
  /// Always `zeromq`.
  public let name = "zeromq"
  /// With a wildcard port resolved.
  public let address: String
  /// The socket's.
  public let descriptor: Int32?

  /// Whether the file of an ipc address is still in its place.
  public var isReachable: Bool { reachability() }

  private let reachability: @Sendable () -> Bool
  private let maximumMessageBytes: Int
  private let keys: KeyRing?
  private let observer: (any MessageObserver)?
  private let wake: @Sendable () -> Void
  private let socket: Mutex<RouterSocket?>
  private let rejected = Atomic<UInt64>(0)

  /// Of messages that were too large or could not be read; of one in several frames nothing is counted.
  public var rejectedBytes: UInt64 { rejected.load(ordering: .relaxed) }

  /// Listens.
  ///
  /// - Parameters:
  ///   - endpoint: one of this machine alone, unless ``RouterSocket/Options/allowsOtherMachines``.
  ///   - options: of the socket; the size of messages is the setting's.
  /// - Throws: as ``RouterSocket/init(endpoint:options:)-(Endpoint,_)``.
  public init(
    at endpoint: Endpoint, options: RouterSocket.Options = .init(), for setting: ListenerSetting
  ) throws(RobotError) {
    var options = options
    options.maximumMessageBytes = setting.maximumMessageBytes
    var socket = try RouterSocket(endpoint: endpoint, options: options)
    address = socket.endpoint.description
    descriptor = try socket.descriptor()
    reachability = socket.reachability
    maximumMessageBytes = setting.maximumMessageBytes
    keys = options.keys
    observer = setting.observer
    wake = setting.wake
    self.socket = Mutex(socket)
  }

  /// Listens at `endpoint` as soon as there is a daemon.
  public static func at(_ endpoint: Endpoint, options: RouterSocket.Options = .init()) -> ListenerMaker {
    { (setting) throws(RobotError) in try ZeroMQListener(at: endpoint, options: options, for: setting) }
  }

  /// As ``at(_:options:)-(Endpoint,_)``, with an address that is still a text.
  ///
  /// - Throws: `.malformed` when it is not an address.
  public static func at(
    _ endpoint: String, options: RouterSocket.Options = .init()
  ) throws(RobotError) -> ListenerMaker {
    at(try Endpoint(endpoint, for: .listen), options: options)
  }

  /// The next message, if there is one.
  public func next() throws(RobotError) -> Arrival? {
    let incoming = try socket.withLock { (socket) throws(RobotError) -> RouterSocket.Incoming? in
      let incoming = try socket?.receive(timeout: .zero)
      // The descriptor tells of what comes, not of what is here.
      if incoming == nil, socket?.hasUnreadFrames == true { wake() }
      return incoming
    }
    return incoming.map { arrival($0, at: MonotonicClock.nanoseconds()) }
  }

  /// Sends a reply; never waits.
  public func deliver(_ reply: ReplyMessage, to route: Route) throws(RobotError) -> Delivery {
    guard let peer = RouterSocket.Peer(route) else { return .gone }
    // Whose key was taken away gets nothing more, not even what was asked before.
    if let keys, let identity = route.peer, !keys.holds(identity) { return .gone }
    // The daemon has checked its chunks, which are most of what it says.
    let bytes = if case .actionChunk = reply.body { reply.encodedWithoutCheck() } else { try reply.encoded() }
    let delivery = try socket.withLock { (socket) throws(RobotError) in try socket?.deliver(bytes, to: peer) ?? .gone }
    observer?.sent(reply, as: bytes, isDelivered: delivery == .sent)
    return delivery
  }

  /// Closes, and waits for replies to leave.
  public func shutDown(within grace: Duration) {
    socket.withLock { socket in
      // Where that fails the socket waits as long as it was made to.
      try? socket?.linger(for: grace)
      socket = nil
    }
  }

  // MARK: Reading

  private func arrival(_ incoming: RouterSocket.Incoming, at now: UInt64) -> Arrival {
    let route: Route
    switch identified(incoming) {
    case .success(let found): route = found
    case .failure(let refusal): return refused(incoming, refusal.route, at: now)
    }
    switch incoming {
    case .message(_, let bytes):
      do throws(RobotError) {
        let request = try RequestMessage(decoding: bytes)
        observer?.received(request, as: bytes, at: now)
        return .request(route, .success(request), arrivedAt: now)
      } catch {
        reject(bytes.count)
        return .request(route, answerable(.peek(bytes), because: error, at: now), arrivedAt: now)
      }
    case .tooLarge(_, let beginning, let bytes):
      reject(bytes)
      let error = RobotError(
        .tooLarge, "message",
        "\(bytes) bytes, at most \(maximumMessageBytes) are allowed; send smaller or compressed pictures")
      return .request(route, answerable(.peek(beginning), because: error, at: now), arrivedAt: now)
    case .malformed(_, let error):
      return .request(route, .failure(UnreadableRequest(error: error)), arrivedAt: now)
    }
  }

  private func reject(_ bytes: Int) { rejected.wrappingAdd(UInt64(bytes), ordering: .relaxed) }

  /// Nobody holds the key of a connection any more.
  private struct Unknown: Error {
    var route: Route
  }

  /// Who it is by now: keys come and go while connections stay.
  private func identified(_ incoming: RouterSocket.Incoming) -> Result<Route, Unknown> {
    let peer = incoming.peer
    guard let keys else { return .success(Route(peer)) }
    guard let key = peer.key, let identity = keys.holder(ofKey: key) else {
      keys.refuse(.removedKey, peer.key ?? "")
      return .failure(Unknown(route: Route(peer)))
    }
    return .success(Route(peer, identity))
  }

  /// The answer to what a key says that was taken away. Also to a stop: its robots were stopped with it.
  private func refused(_ incoming: RouterSocket.Incoming, _ route: Route, at now: UInt64) -> Arrival {
    let header: MessageHeader? =
      switch incoming {
      case .message(_, let bytes), .tooLarge(_, let bytes, _): .peek(bytes)
      case .malformed: nil
      }
    let error = RobotError(
      .notOwner, "key", "this client's key is not held any more; connect with one that the daemon's folder of keys has")
    return .request(
      route,
      .failure(
        UnreadableRequest(requestID: header?.requestID ?? 0, sessionID: header?.sessionID ?? "", error: error)),
      arrivedAt: now)
  }

  /// What cannot be read, unless somebody wants a robot to stop by it.
  private func answerable(
    _ header: MessageHeader, because error: RobotError, at now: UInt64
  ) -> Result<RequestMessage, UnreadableRequest> {
    guard let reason = header.stopReason, !header.sessionID.isEmpty else {
      return .failure(UnreadableRequest(requestID: header.requestID, sessionID: header.sessionID, error: error))
    }
    let stop = RequestMessage(requestID: header.requestID, sessionID: header.sessionID, body: .stop(reason: reason))
    observer?.received(stop, as: nil, at: now)
    return .success(stop)
  }
}

extension Route {
  /// Whether there is a delimiter, then the name.
  fileprivate init(_ peer: RouterSocket.Peer, _ identity: PeerIdentity? = nil) {
    self.init(connection: [peer.hasDelimiter ? 1 : 0] + peer.identity, peer: identity)
  }
}

extension RouterSocket.Incoming {
  fileprivate var peer: RouterSocket.Peer {
    switch self {
    case .message(let peer, _), .tooLarge(let peer, _, _), .malformed(let peer, _): peer
    }
  }
}

extension RouterSocket.Peer {
  fileprivate init?(_ route: Route) {
    guard let flag = route.connection.first else { return nil }
    self.init(identity: Array(route.connection.dropFirst()), hasDelimiter: flag == 1)
  }
}
