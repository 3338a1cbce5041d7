#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How many connections each address has, as far as one must know to refuse the one that is too many.
///
/// Nobody reports the end of a connection, so those that begin are added up, and the open ones are counted only when the sum says that the
/// limit may be reached: an address that connects and disconnects all day costs a count now and then.
package struct ConnectionBudget {
  /// What is known about an address.
  private struct Entry {
    /// At least as many as are open.
    var estimate: Int
    /// When the open ones were last counted, nanoseconds.
    var countedAt: UInt64
  }

  /// Addresses remembered; one that is forgotten is counted when it comes back.
  package static let maximumAddresses = 4096
  /// Nanoseconds between two counts for one address that is at its limit; it is refused in between.
  package static let countInterval: UInt64 = 50_000_000

  private let limit: Int
  private var entries: [String: Entry] = [:]

  /// - Parameter limit: connections of one address, at least 1.
  package init(limit: Int) { self.limit = max(1, limit) }

  /// Whether `peer` may have one more connection.
  ///
  /// - Parameters:
  ///   - now: nanoseconds.
  ///   - count: the open connections of `peer`, the one that asks included.
  package mutating func admits(_ peer: String, at now: UInt64, count: () -> Int) -> Bool {
    if let entry = entries[peer] {
      if entry.estimate < limit {
        entries[peer]?.estimate += 1
        return true
      }
      if now &- entry.countedAt < Self.countInterval { return false }
    }
    if entries.count >= Self.maximumAddresses { entries.removeAll() }
    let open = count()
    entries[peer] = Entry(estimate: min(open, limit), countedAt: now)
    return open <= limit
  }
}

/// The connections that this process has open now, from the system's own table.
enum OpenConnections {
  /// Those that `host` has made to our `port`.
  ///
  /// - Parameter host: numbers.
  /// - Complexity: O(open descriptors).
  static func count(from host: String, to port: UInt16) -> Int {
    guard let folder = opendir("/dev/fd") else { return 0 }
    defer { closedir(folder) }
    var count = 0
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      // Our end first: most descriptors are no connection to this port.
      guard let descriptor = Int32(name), SocketAddress(of: descriptor, remote: false)?.port == port,
        SocketAddress(of: descriptor, remote: true)?.host == host
      else { continue }
      count += 1
    }
    return count
  }
}
