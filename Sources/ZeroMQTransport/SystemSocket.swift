import Files
internal import RobotInterface

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// One of the system's sockets, closed when it is let go of.
struct SystemSocket: ~Copyable {
  /// Why a call failed.
  struct Failure: Error {
    /// `errno`.
    var number: Int32

    /// A number that is known.
    init(_ number: Int32) { self.number = number }

    /// Of the call that has just failed.
    init() { number = errno }

    /// The system's words.
    var message: String { SystemReason.text(number) }
  }

  /// Connections that wait to be accepted.
  private static let backlog: Int32 = 128

  #if canImport(Glibc)
    private static let stream = Int32(SOCK_STREAM.rawValue)
  #else
    private static let stream = SOCK_STREAM
  #endif

  /// Owned.
  private let descriptor: Int32

  /// A stream socket that neither blocks nor is inherited.
  ///
  /// - Parameter family: `AF_UNIX`, `AF_INET` or `AF_INET6`.
  init(family: Int32) throws(Failure) {
    descriptor = socket(family, Self.stream, 0)
    guard descriptor >= 0 else { throw Failure() }
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  deinit { close(descriptor) }

  /// Hands the descriptor over to somebody who closes it.
  consuming func take() -> Int32 {
    let descriptor = descriptor
    discard self
    return descriptor
  }

  // MARK: Files

  /// Binds to a path, where nothing may be.
  func bind(path: String) throws(Failure) {
    guard Self.withAddress(path, { SystemSocket.bind(descriptor, $0, $1) }) == 0 else { throw Failure() }
  }

  /// Connects to a path, without waiting.
  func connect(path: String) throws(Failure) {
    guard Self.withAddress(path, { SystemSocket.connect(descriptor, $0, $1) }) == 0 else { throw Failure() }
  }

  /// - Parameter path: at most ``Endpoint/maximumPathBytes`` bytes; a longer one is cut.
  private static func withAddress(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(Endpoint.maximumPathBytes)) }
    return withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
  }

  // MARK: TCP

  /// A socket that is bound to `address` and listens.
  ///
  /// - Parameters:
  ///   - address: of a network of this machine, without brackets; an IPv6 one takes no IPv4 connections.
  ///   - port: 0 for any free one.
  static func listening(at address: String, port: UInt16) throws(Failure) -> SystemSocket {
    var hints = addrinfo()
    hints.ai_flags = Int32(AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE)
    hints.ai_socktype = stream
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(address, String(port), &hints, &list) == 0, let info = list?.pointee else {
      throw Failure(EADDRNOTAVAIL)
    }
    defer { freeaddrinfo(list) }
    let socket = try SystemSocket(family: info.ai_family)
    var on: Int32 = 1
    let size = socklen_t(MemoryLayout<Int32>.size)
    // A port whose connections of a moment ago are not quite closed is free; one where somebody listens is not.
    setsockopt(socket.descriptor, SOL_SOCKET, SO_REUSEADDR, &on, size)
    if info.ai_family == AF_INET6 { setsockopt(socket.descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, size) }
    guard bind(socket.descriptor, info.ai_addr, info.ai_addrlen) == 0 else { throw Failure() }
    try socket.startListening()
    return socket
  }

  /// Accepts connections from now on.
  func startListening() throws(Failure) {
    guard listen(descriptor, Self.backlog) == 0 else { throw Failure() }
  }

  /// The port that this end is bound to.
  func port() throws(Failure) -> UInt16 {
    guard let end = SocketAddress(of: descriptor, remote: false) else { throw Failure() }
    return end.port
  }

  // Under names of their own, because methods above have the system's.
  private static func bind(_ descriptor: Int32, _ address: UnsafePointer<sockaddr>?, _ size: socklen_t) -> Int32 {
    #if canImport(Glibc)
      Glibc.bind(descriptor, address, size)
    #elseif canImport(Musl)
      Musl.bind(descriptor, address, size)
    #else
      Darwin.bind(descriptor, address, size)
    #endif
  }

  private static func connect(_ descriptor: Int32, _ address: UnsafePointer<sockaddr>?, _ size: socklen_t) -> Int32 {
    #if canImport(Glibc)
      Glibc.connect(descriptor, address, size)
    #elseif canImport(Musl)
      Musl.connect(descriptor, address, size)
    #else
      Darwin.connect(descriptor, address, size)
    #endif
  }
}

/// One end of a TCP connection.
struct SocketAddress: Hashable {
  /// Numbers, as ZeroMQ gives them to an authentication handler.
  var host: String
  var port: UInt16

  /// - Parameters:
  ///   - descriptor: any; the process's own.
  ///   - remote: the peer's end, not ours.
  /// - Returns: `nil` when the descriptor has no such end, or is no TCP socket.
  init?(of descriptor: Int32, remote: Bool) {
    var address = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    var host = [CChar](repeating: 0, count: 64)
    let isRead = withUnsafeMutablePointer(to: &address) { storage in
      storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        guard (remote ? getpeername(descriptor, address, &size) : getsockname(descriptor, address, &size)) == 0,
          [AF_INET, AF_INET6].contains(Int32(address.pointee.sa_family))
        else { return false }
        return getnameinfo(address, size, &host, socklen_t(host.count), nil, 0, NI_NUMERICHOST) == 0
      }
    }
    guard isRead else { return nil }
    self.host = String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // Both families have their port in the same place.
    port = withUnsafeBytes(of: address) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
  }
}
