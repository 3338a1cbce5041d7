package import RobotInterface

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Sockets that are bound and listen, ready for libzmq; closed when nobody takes them.
///
/// libzmq could bind by itself, but it removes whatever it finds at an ipc address, a live daemon's socket and a text file alike.
package struct Listening: ~Copyable {
  /// Where, with a wildcard port resolved.
  package let endpoint: Endpoint
  /// The file of an ipc address.
  package let file: SocketFile?
  /// Owned, until they are taken.
  private var descriptors: [Int32]

  /// How often a port that is free in one family is looked for in the other.
  private static let attempts = 16

  /// Binds and listens.
  ///
  /// - Throws: `.internal` with the address as subject and a sentence: it is in use, the path is no socket's, there is no such address.
  package init(_ endpoint: Endpoint) throws(RobotError) {
    switch endpoint.place {
    case .ipc(let path):
      let (descriptor, file) = try SocketFile.listen(path)
      self.endpoint = endpoint
      self.file = file
      descriptors = [descriptor]
    case .tcp(let host, let port):
      do throws(SystemSocket.Failure) {
        let (port, descriptors) = try Self.listen(at: host.addresses, port: port ?? 0)
        self.endpoint = Endpoint(.tcp(host: host, port: port))
        self.descriptors = descriptors
        file = nil
      } catch {
        throw RobotError(.internal, "\(endpoint)", Self.sentence(error))
      }
    }
  }

  deinit {
    for descriptor in descriptors { close(descriptor) }
  }

  /// The next one that nobody has taken.
  package var next: Int32? { descriptors.first }

  /// Says that ``next`` has another owner now, who closes it.
  package mutating func handOver() { descriptors.removeFirst() }

  private static func listen(
    at addresses: [String], port: UInt16
  ) throws(SystemSocket.Failure) -> (UInt16, [Int32]) {
    for attempt in 1...attempts {
      let first = try SystemSocket.listening(at: addresses[0], port: port)
      let bound = try first.port()
      guard addresses.count > 1 else { return (bound, [first.take()]) }
      do throws(SystemSocket.Failure) {
        let second = try SystemSocket.listening(at: addresses[1], port: bound)
        return (bound, [first.take(), second.take()])
      } catch {
        // Many machines have no IPv6, and `localhost` and `*` do not insist on it.
        if [EADDRNOTAVAIL, EAFNOSUPPORT].contains(error.number) { return (bound, [first.take()]) }
        // Of any free port, the same one must be free in both families.
        guard port == 0, error.number == EADDRINUSE, attempt < attempts else { throw error }
      }
    }
    throw SystemSocket.Failure(EADDRINUSE)
  }

  private static func sentence(_ failure: SystemSocket.Failure) -> String {
    switch failure.number {
    case EADDRINUSE: "in use: another program listens there; stop it, or choose another port"
    case EADDRNOTAVAIL: "this machine has no such address; expected one of its own, localhost, or * for all networks"
    case EACCES: "not permitted; ports below 1024 need privileges"
    default: failure.message
    }
  }
}

extension Endpoint.Host {
  /// What to bind, the necessary one first.
  fileprivate var addresses: [String] {
    switch self {
    case .ipv4(let address), .ipv6(let address), .name(let address): [address]
    case .localhost: ["127.0.0.1", "::1"]
    case .any: ["0.0.0.0", "::"]
    }
  }
}
