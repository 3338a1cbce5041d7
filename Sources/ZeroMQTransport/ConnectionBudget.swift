#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Who shares a limit of connections: an address that nobody can exchange for another one at will.
package struct ConnectionOrigin: Hashable, Sendable, CustomStringConvertible {
  /// What an error calls it.
  package let description: String

  /// - Parameter host: an address in numbers, as ZeroMQ gives it to an authentication handler.
  ///
  /// All of the loopback is one, because every user of this machine may connect from any address of 127.0.0.0/8. An IPv6 network of 64
  /// bits is one, because that is the least that a machine has to itself.
  package init(host: String) {
    var four = in_addr(), six = in6_addr()
    // Without the scope of a link-local address.
    let plain = String(host.prefix { $0 != "%" })
    if inet_pton(AF_INET, plain, &four) == 1 {
      let isLoopback = withUnsafeBytes(of: four) { $0[0] == 127 }
      description = isLoopback ? Self.loopback : plain
    } else if inet_pton(AF_INET6, plain, &six) == 1 {
      description = withUnsafeBytes(of: six) { Self.name(of: Array($0)) }
    } else {
      description = host
    }
  }

  private static let loopback = "this machine"

  private static func name(of bytes: [UInt8]) -> String {
    let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10..<12].allSatisfy { $0 == 0xFF }
    if isMapped {
      return bytes[12] == 127 ? loopback : bytes[12...].map(String.init).joined(separator: ".")
    }
    if bytes[..<15].allSatisfy({ $0 == 0 }), bytes[15] == 1 { return loopback }
    let groups = stride(from: 0, to: 8, by: 2).map { String(Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]), radix: 16) }
    return groups.joined(separator: ":") + "::/64"
  }
}

/// How many connections each origin has, as far as one must know to refuse the one that is too many.
///
/// Nobody reports the end of a connection, so those that begin are added up, and the open ones of all origins are counted together only
/// when a sum says that a limit may be reached, and only now and then: neither who connects and disconnects all day nor who has
/// many addresses makes every handshake cost a count.
package struct ConnectionBudget: Sendable {
  /// Nanoseconds between two counts; who seems to be at the limit is refused in between.
  package static let countInterval: UInt64 = 50_000_000
  /// Origins remembered before the open connections are counted again, and those that have none forgotten.
  package static let maximumOrigins = 4096

  private let limit: Int
  /// At least as many as are open.
  private var estimates: [ConnectionOrigin: Int] = [:]
  private var countedAt: UInt64?
  /// Whether the last count has succeeded.
  private var isCounted = true

  /// - Parameter limit: connections of one origin, at least 1.
  package init(limit: Int) { self.limit = max(1, limit) }

  /// Whether `origin` may have one more connection.
  ///
  /// - Parameters:
  ///   - now: nanoseconds.
  ///   - count: the open connections of every origin, the one that asks included; `nil` when they cannot be counted, as where the process has
  ///     no descriptors left. Then nobody comes in who would have to be counted first.
  package mutating func admits(
    _ origin: ConnectionOrigin, at now: UInt64, count: () -> [ConnectionOrigin: Int]?
  ) -> Bool {
    let estimate = estimates[origin] ?? 0
    guard estimate >= limit || estimates.count >= Self.maximumOrigins else {
      estimates[origin] = estimate + 1
      return true
    }
    if let countedAt, now &- countedAt < Self.countInterval {
      guard estimate < limit, isCounted else { return false }
      // Too many origins at once: those between two counts are as many as can connect in that time.
      estimates[origin] = estimate + 1
      return true
    }
    countedAt = now
    guard let counts = count() else {
      isCounted = false
      return false
    }
    isCounted = true
    estimates = counts
    let open = estimates[origin] ?? 0
    // One that is refused is open for a moment more, and not counted as such.
    if open > limit { estimates[origin] = limit }
    return open <= limit
  }
}

/// The connections that this process has open now, from the system's own table.
enum OpenConnections {
  /// Those that were made to our `port`, by origin; `nil` when the system would not say.
  ///
  /// - Complexity: O(open descriptors).
  static func count(to port: UInt16) -> [ConnectionOrigin: Int]? {
    guard let folder = opendir("/dev/fd") else { return nil }
    defer { closedir(folder) }
    var counts: [ConnectionOrigin: Int] = [:]
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      // Our end first: most descriptors are no connection to this port.
      guard let descriptor = Int32(name), SocketAddress(of: descriptor, remote: false)?.port == port,
        let peer = SocketAddress(of: descriptor, remote: true)
      else { continue }
      counts[ConnectionOrigin(host: peer.host), default: 0] += 1
    }
    return counts
  }
}
