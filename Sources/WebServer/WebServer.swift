import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// An HTTP/1.1 and websocket server for a loop that knows nothing of either.
///
/// Requests are answered, pings ponged and limits kept on the thread of a ``WebLoop``, whatever the rest of the process does. Messages wait
/// until somebody asks:
///
/// ```swift
/// let server = try WebServer(at: WebAddress("127.0.0.1:8000"), service, wake: { wakeUp.signal() }, on: loop)
/// while let event = server.next() {            // after each wake-up, until there is nothing more
///   switch event {
///   case .opened(let connection, let request): server.send(.binary(metadata), to: connection)
///   case .message(let connection, let message): …
///   case .closed(let connection, let closure): …
///   }
/// }
/// ```
///
/// Every method may be called from any thread and none of them waits, but ``shutDown(within:)``. Connections with news take turns, so that
/// none of them can keep the others' messages from being taken.
public final class WebServer: Sendable {
  /// Where it listens, with the port that the system chose if it was asked to.
  public let address: WebAddress
  private let channel: any Channel
  private let exchange: Exchange
  private let table: NIOLoopBound<ConnectionTable>
  private let clock: RepeatedTask
  private let hasEnded = Mutex(false)

  /// Listens.
  ///
  /// - Parameters:
  ///   - wake: called when there is a new event, on the loop's thread: it must not wait. Wake-ups need not be counted.
  ///   - loop: must outlive the server.
  /// - Throws: `.addressInUse`, `.cannotListen`.
  public init(
    at address: WebAddress, _ service: WebService, limits: WebLimits = WebLimits(),
    wake: @escaping @Sendable () -> Void = {}, on loop: WebLoop
  ) throws(WebServerError) {
    let exchange = Exchange(limits: limits, wake: wake)
    let eventLoop = loop.loop
    do {
      let table = try eventLoop.submit { NIOLoopBound(ConnectionTable(), eventLoop: eventLoop) }.wait()
      channel = try ServerBootstrap(group: eventLoop)
        .serverChannelOption(.backlog, value: 128)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try Connections.prepare(channel, service, exchange, table.value)
          }
        }
        .bind(host: address.host, port: address.port).wait()
      self.table = table
    } catch {
      let isTaken = (error as? IOError)?.errnoCode == EADDRINUSE
      throw WebServerError(
        isTaken ? .addressInUse : .cannotListen, address.description,
        isTaken ? "another program listens there" : Self.reason(error))
    }
    self.address = address.bound(to: channel.localAddress?.port ?? address.port)
    self.exchange = exchange
    let table = table
    let tick = TimeAmount(limits.tick)
    clock = eventLoop.scheduleRepeatedTask(initialDelay: tick, delay: tick) { _ in table.value.tick(.now()) }
  }

  deinit {
    guard !hasEnded.withLock({ $0 }) else { return }
    clock.cancel()
    channel.close(promise: nil)
    let table = table
    channel.eventLoop.execute { for channel in table.value.channels { channel.close(promise: nil) } }
  }

  private static func reason(_ error: any Error) -> String {
    (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
  }

  /// The next event, if there is one.
  public func next() -> WebEvent? { exchange.next()?.event }

  /// As ``next()``, with the moment, in nanoseconds on `MonotonicClock`, at which a message's last byte was read from the socket, however long it
  /// has waited since; of other events the moment of the call.
  public func nextWithTime() -> (event: WebEvent, arrivedAt: UInt64)? { exchange.next() }

  /// Sends a message; nothing waits for the client to read it.
  @discardableResult
  public func send(_ message: WebMessage, to connection: WebConnection) -> WebDelivery {
    exchange.send(message, to: connection)
  }

  /// Ends a websocket, after what was sent to it before.
  ///
  /// - Parameters:
  ///   - code: 1000, 1001, 1003, 1007 to 1014, or 3000 to 4999.
  ///   - reason: for people; 123 bytes of it are sent.
  public func close(_ connection: WebConnection, code: Int = 1000, reason: String = "") {
    exchange.close(connection, code: code, reason: reason)
  }

  /// What has happened so far.
  public var statistics: WebStatistics { exchange.statistics }

  /// Takes no new connections, says good-bye (1001) to all, and waits until they are gone, at most this long. Never from the loop's thread.
  public func shutDown(within grace: Duration = .seconds(2)) {
    let isFirst = hasEnded.withLock { hasEnded in
      defer { hasEnded = true }
      return !hasEnded
    }
    guard isFirst else { return }
    let table = table, eventLoop = channel.eventLoop
    clock.cancel()
    try? channel.close().wait()
    let rest = eventLoop.submit { () -> [any Channel] in
      table.value.goAway()
      return table.value.channels
    }
    guard let channels = try? rest.wait() else { return }
    let force = eventLoop.scheduleTask(in: TimeAmount(grace)) {
      for channel in channels { channel.close(promise: nil) }
    }
    try? EventLoopFuture.andAllComplete(channels.map(\.closeFuture), on: eventLoop).wait()
    force.cancel()
  }
}
