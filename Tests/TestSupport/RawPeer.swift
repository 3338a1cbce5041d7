import Foundation

/// A ZeroMQ peer made of bytes (ZMTP 3.1 with the NULL mechanism): does what libzmq would not let a client do.
public final class RawPeer {
  /// What went wrong, in the system's words.
  public struct Failure: Error, CustomStringConvertible {
    public var description: String
  }

  private let descriptor: Int32

  /// Connects to `port` of `host`, and says nothing.
  ///
  /// - Parameters:
  ///   - host: an IPv4 address.
  ///   - source: the IPv4 address to come from; `nil`: the system's choice.
  ///   - patience: seconds that one read or write waits at most.
  public init(host: String = "127.0.0.1", port: UInt16, source: String? = nil, patience: Int = 20) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    if let source {
      let isBound = Self.withAddress(source, port: 0) { bind(descriptor, $0, $1) } == 0
      guard isBound else { throw Self.failure() }
    }
    guard Self.withAddress(host, port: port, { connect(descriptor, $0, $1) }) == 0 else { throw Self.failure() }
    var limit = timeval(tv_sec: patience, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
  }

  deinit { close(descriptor) }

  private static func withAddress(
    _ host: String, port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    inet_pton(AF_INET, host, &address.sin_addr)
    return withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
  }

  // MARK: The handshake

  /// Shakes hands as a DEALER of this name; an empty one leaves the choice to the other side.
  ///
  /// - Returns: the other side's answer: `READY`, or `ERROR` and its reason.
  @discardableResult
  public func shakeHands(name: [UInt8] = []) throws -> String {
    var greeting = [UInt8](repeating: 0, count: 64)
    greeting.replaceSubrange(0..<12, with: [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 1])
    greeting.replaceSubrange(12..<16, with: Array("NULL".utf8))
    try send(greeting)
    _ = try receive(64)
    var ready = Self.text("READY") + Self.property("Socket-Type", Array("DEALER".utf8))
    if !name.isEmpty { ready += Self.property("Identity", name) }
    try send([0x04, UInt8(ready.count)] + ready)
    let head = try receive(2)
    let body = try receive(Int(head[1]))
    let command = String(decoding: body.dropFirst().prefix(5), as: UTF8.self)
    return command == "ERROR" ? "ERROR " + String(decoding: body.dropFirst(7), as: UTF8.self) : command
  }

  private static func text(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }

  private static func property(_ name: String, _ value: [UInt8]) -> [UInt8] {
    text(name) + [0, 0, 0, UInt8(value.count)] + value
  }

  // MARK: Messages

  /// One frame as it travels.
  public static func frame(_ bytes: [UInt8], more: Bool = false) -> [UInt8] {
    let flags: UInt8 = more ? 1 : 0
    if bytes.count < 256 { return [flags, UInt8(bytes.count)] + bytes }
    return [flags | 2] + withUnsafeBytes(of: UInt64(bytes.count).bigEndian) { [UInt8]($0) } + bytes
  }

  /// The payload of the next frame.
  public func receiveFrame() throws -> [UInt8] {
    let flags = try receive(1)[0]
    guard flags & 2 != 0 else { return try receive(Int(receive(1)[0])) }
    return try receive(receive(8).reduce(0) { $0 << 8 | Int($1) })
  }

  // MARK: Bytes

  /// Sends all of `bytes`.
  public func send(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { throw Self.failure() }
      rest = rest.dropFirst(count)
    }
  }

  /// Receives exactly `count` bytes.
  public func receive(_ count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let result = bytes.withUnsafeMutableBytes { buffer in
        let rest = buffer[done...]
        return recv(descriptor, UnsafeMutableRawBufferPointer(rebasing: rest).baseAddress, rest.count, 0)
      }
      guard result > 0 else { throw result == 0 ? Failure(description: "the connection was closed") : Self.failure() }
      done += result
    }
    return bytes
  }

  /// Ends the connection so that the other side finds it reset.
  public func reset() {
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
    // The descriptor stays open, on nothing, for `deinit`.
    let nothing = open("/dev/null", O_RDONLY)
    dup2(nothing, descriptor)
    close(nothing)
  }

  private static func failure() -> Failure { Failure(description: String(cString: strerror(errno))) }
}
