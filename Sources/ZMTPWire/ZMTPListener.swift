import AccessKeys
import NIOCore
import NIOPosix
public import RobotInterface
import RobotLink
import Synchronization
import ZMTP
public import ZeroMQTransport

/// The daemon's own wire without libzmq: `uio2.v1` in protobuf over ZMTP 3.1 (NULL, or CURVE where there are keys), for the REQ and DEALER sockets of
/// libzmq and its kin. They connect with `tcp://` and `ipc://` as ever.
///
/// A frame's size is known before a byte of it is taken, and connections are counted before they are greeted: bytes and connections are bounded for
/// each and for all, and who breaks a rule is cut off alone (docs/reliability.md). Messages of up to ``ListenerSetting/maximumMessageBytes`` are read;
/// somewhat larger ones are answered with `tooLarge`; the connection of one above ``RouterSocket/Options/hardLimit`` ends.
public final class ZMTPListener: RobotListener {
  /// Always `zmtp`.
  public let name = "zmtp"
  /// With a wildcard port resolved.
  public let address: String

  /// Whether the file of an ipc address is still in its place.
  public var isReachable: Bool { file.withLock { $0?.isInPlace ?? true } }
  /// Of messages that were too large or could not be read.
  public var rejectedBytes: UInt64 { requests.rejectedBytes }

  private let file: Mutex<SocketFile?>
  private let requests: RequestReader
  private let mailroom: Mailroom
  private let group: MultiThreadedEventLoopGroup
  private let servers: [any Channel]
  private let children: NIOLoopBound<Children>
  private let hasEnded = Atomic(false)

  /// The open connections. Lives on the event loop.
  private final class Children {
    var handlers: [UInt64: (channel: any Channel, handler: ConnectionHandler)] = [:]
  }

  /// Listens.
  ///
  /// - Parameters:
  ///   - endpoint: one of this machine alone, unless ``RouterSocket/Options/allowsOtherMachines`` or there are keys.
  ///   - options: of the limits; the size of messages is the setting's.
  /// - Throws: `.unsupported` for an address that is not permitted, `.internal` with the address as subject when it cannot be had.
  public convenience init(
    at endpoint: Endpoint, options: RouterSocket.Options = .init(), for setting: ListenerSetting
  ) throws(RobotError) {
    try self.init(at: endpoint, options: options, messageTime: .seconds(30), for: setting)
  }

  /// As ``init(at:options:for:)``.
  ///
  /// - Parameter messageTime: from a message's first byte to its last, at most.
  package init(
    at endpoint: Endpoint, options: RouterSocket.Options, messageTime: Duration, for setting: ListenerSetting
  ) throws(RobotError) {
    var options = options
    options.maximumMessageBytes = setting.maximumMessageBytes
    try options.check(endpoint)
    var listening = try Listening(endpoint)
    address = Self.shown(listening.endpoint)
    file = Mutex(listening.file)
    requests = RequestReader(setting, keys: options.keys)
    var limits = Mailroom.Limits()
    limits.connectionsOfOneOrigin = max(1, options.maximumConnectionsPerAddress)
    let mailroom = Mailroom(limits, wake: setting.wake)
    self.mailroom = mailroom
    group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop = group.next()
    let connectionLimits = ZMTPConnection.Limits(
      messageBytes: options.maximumMessageBytes, hardBytes: options.hardLimit)
    let keys = options.keys
    var deadlines = ConnectionHandler.Deadlines()
    deadlines.message = messageTime
    let times = deadlines
    do {
      let children = try loop.submit { NIOLoopBound(Children(), eventLoop: loop) }.wait()
      self.children = children
      let bootstrap = ServerBootstrap(group: loop)
        .childChannelOption(.socketOption(.so_keepalive), value: 1)
        .childChannelOption(.maxMessagesPerRead, value: 4)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            let host = channel.remoteAddress?.ipAddress
            try Self.begin(channel, host, mailroom, connectionLimits, times, keys, children.value)
          }
        }
      var servers: [any Channel] = []
      while let descriptor = listening.next {
        servers.append(try bootstrap.withBoundSocket(descriptor).wait())
        listening.handOver()
      }
      self.servers = servers
    } catch {
      try? group.syncShutdownGracefully()
      throw RobotError(.internal, "\(endpoint)", "cannot be listened at: \(error)")
    }
  }

  /// Listens at `endpoint` as soon as there is a daemon.
  public static func at(_ endpoint: Endpoint, options: RouterSocket.Options = .init()) -> ListenerMaker {
    { (setting) throws(RobotError) in try ZMTPListener(at: endpoint, options: options, for: setting) }
  }

  private static func shown(_ endpoint: Endpoint) -> String {
    let text = endpoint.description
    return text.hasPrefix("ipc://") ? "zmtp+" + text : text.replacing("tcp://", with: "zmtp://")
  }

  private struct TooManyConnections: Error {}

  private static func begin(
    _ channel: any Channel, _ host: String?, _ mailroom: Mailroom, _ limits: ZMTPConnection.Limits,
    _ deadlines: ConnectionHandler.Deadlines, _ keys: KeyRing?,
    _ children: Children
  ) throws {
    let origin = host.map { ConnectionOrigin(host: $0) }
    guard let number = mailroom.admit(origin) else { throw TooManyConnections() }
    let shown = host ?? ""
    let security = keys.map { keys in
      ZMTPConnection.Security.curve(
        publicKey: keys.daemonPair.publicKey.bytes, secret: keys.daemonPair.secret,
        admits: { key in CurvePublicKey(bytes: key).map { keys.holder(ofKey: $0.text) != nil } ?? false })
    }
    let handler = ConnectionHandler(number, mailroom, ZMTPConnection(security ?? .null, limits), deadlines) { error in
      switch error.code {
      case .unknownKey: keys?.refuse(.unknownKey, shown)
      case .otherMechanism: keys?.refuse(.noKey, shown)
      default: keys?.refuse(.brokenHandshake, shown)
      }
    }
    children.handlers[number] = (channel, handler)
    let bound = NIOLoopBound(children, eventLoop: channel.eventLoop)
    let ending = NIOLoopBound(handler, eventLoop: channel.eventLoop)
    // Before anything that can fail: what is counted is released.
    channel.closeFuture.whenComplete { _ in
      bound.value.handlers[number] = nil
      ending.value.hasEnded { mailroom.release(number, origin) }
    }
    if host != nil { try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1) }
    try channel.pipeline.syncOperations.addHandler(handler)
  }

  /// The next message, or the end of a connection.
  public func next() throws(RobotError) -> Arrival? {
    switch mailroom.next() {
    case .message(let incoming, let arrivedAt): requests.arrival(incoming, at: arrivedAt)
    case .gone(let peer): .gone(requests.route(of: peer))
    case nil: nil
    }
  }

  /// Sends a reply; never waits.
  public func deliver(_ reply: ReplyMessage, to route: Route) throws(RobotError) -> Delivery {
    try requests.deliver(reply, to: route) { (bytes, peer) throws(RobotError) in
      let number = peer.identity.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return mailroom.send(bytes, hasDelimiter: peer.hasDelimiter, to: number)
    }
  }

  /// Takes no new connections, lets replies leave, and closes.
  public func shutDown(within grace: Duration) {
    guard !hasEnded.exchange(true, ordering: .sequentiallyConsistent) else { return }
    for server in servers { try? server.close().wait() }
    file.withLock { $0 = nil }
    let children = children
    let ends = try? group.next().submit { () -> [EventLoopFuture<Void>] in
      for child in children.value.handlers.values { child.handler.finish() }
      return children.value.handlers.values.map(\.channel.closeFuture)
    }.wait()
    let force = group.next().scheduleTask(in: TimeAmount(grace)) {
      for child in children.value.handlers.values { child.channel.close(promise: nil) }
    }
    try? EventLoopFuture.andAllComplete(ends ?? [], on: group.next()).wait()
    force.cancel()
    try? group.syncShutdownGracefully()
    mailroom.clear()
  }
}
