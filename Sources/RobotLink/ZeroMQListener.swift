internal import AccessKeys
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
  private let requests: RequestReader
  private let wake: @Sendable () -> Void
  private let socket: Mutex<RouterSocket?>

  /// Of messages that were too large or could not be read; of one in several frames nothing is counted.
  public var rejectedBytes: UInt64 { requests.rejectedBytes }

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
    requests = RequestReader(setting, keys: options.keys)
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
    return incoming.map { requests.arrival($0, at: MonotonicClock.nanoseconds()) }
  }

  /// Sends a reply; never waits.
  public func deliver(_ reply: ReplyMessage, to route: Route) throws(RobotError) -> Delivery {
    try requests.deliver(reply, to: route) { (bytes, peer) throws(RobotError) in
      try socket.withLock { (socket) throws(RobotError) in try socket?.deliver(bytes, to: peer) ?? .gone }
    }
  }

  /// Closes, and waits for replies to leave.
  public func shutDown(within grace: Duration) {
    socket.withLock { socket in
      // Where that fails the socket waits as long as it was made to.
      try? socket?.linger(for: grace)
      socket = nil
    }
  }
}
