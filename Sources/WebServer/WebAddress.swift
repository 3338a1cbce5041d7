public import RobotInterface

/// A checked address to listen at: `HOST:PORT`, the host an IP address of this machine, `localhost` or `*` for all networks.
public struct WebAddress: Sendable, Hashable, CustomStringConvertible {
  /// An IP address without brackets.
  public let host: String
  /// 0: any free one.
  public let port: Int
  /// Whether only programs on this machine can reach it.
  public let isLocal: Bool

  /// Reads an address, without asking a resolver.
  ///
  /// - Parameter text: such as `127.0.0.1:8000`, `[::1]:8000`, `*:9464`; the port may be `*` for any free one.
  /// - Throws: `.invalidAddress` with what was expected.
  public init(_ text: String) throws(WebServerError) {
    let subject = text.isEmpty ? "address" : text
    let endpoint: Endpoint
    do throws(RobotError) { endpoint = try Endpoint("tcp://\(text)", for: .listen) } catch {
      throw WebServerError(.invalidAddress, subject, error.message.replacing("tcp://", with: ""))
    }
    try self.init(endpoint)
  }

  /// An address that was read before.
  ///
  /// - Throws: `.invalidAddress` for the path of a file.
  public init(_ endpoint: Endpoint) throws(WebServerError) {
    guard case .tcp(let host, let port) = endpoint.place else {
      throw WebServerError(.invalidAddress, endpoint.description, "expected HOST:PORT, such as 127.0.0.1:8000")
    }
    switch host {
    case .ipv4(let address), .ipv6(let address), .name(let address): self.host = address
    case .localhost: self.host = "127.0.0.1"
    case .any: self.host = "0.0.0.0"
    }
    self.port = Int(port ?? 0)
    isLocal = endpoint.isLocal
  }

  /// An address for a listener on which nobody is authenticated.
  ///
  /// - Throws: `.unsupported` when other machines can reach it and may not; `.malformed` for the path of a file.
  package static func permitted(
    _ endpoint: Endpoint, otherMachines: Bool
  ) throws(RobotError) -> WebAddress {
    guard endpoint.isLocal || otherMachines else {
      throw RobotError(
        .unsupported, "\(endpoint)", "other machines can reach this address, and nobody is authenticated there")
    }
    do throws(WebServerError) { return try WebAddress(endpoint) } catch {
      throw RobotError(.malformed, error.subject, error.message)
    }
  }

  /// The same host with the port that the system chose.
  func bound(to port: Int) -> WebAddress { WebAddress(host: host, port: port, isLocal: isLocal) }

  private init(host: String, port: Int, isLocal: Bool) {
    self.host = host
    self.port = port
    self.isLocal = isLocal
  }

  /// As it is written.
  public var description: String { (host.contains(":") ? "[\(host)]" : host) + ":" + (port == 0 ? "*" : String(port)) }
}
