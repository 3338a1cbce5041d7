import NIOCore

/// A checked address to listen at: `HOST:PORT`, the host an IP address of this machine, `localhost` or `*` for all networks.
public struct WebAddress: Sendable, Hashable, CustomStringConvertible {
  /// An IP address without brackets.
  public let host: String
  /// 0: any free one.
  public let port: Int

  /// Reads an address, without asking a resolver.
  ///
  /// - Parameter text: such as `127.0.0.1:8000`, `[::1]:8000`, `*:9464`; the port may be `*` for any free one.
  /// - Throws: `.invalidAddress` with what was expected.
  public init(_ text: String) throws(WebServerError) {
    func failure(_ message: String) -> WebServerError {
      WebServerError(.invalidAddress, text.isEmpty ? "address" : text, message)
    }
    guard let colon = text.lastIndex(of: ":"), !text[..<colon].isEmpty else {
      throw failure("expected HOST:PORT, such as 127.0.0.1:8000")
    }
    let host = text[..<colon], port = text[text.index(after: colon)...]
    switch host {
    case "localhost": self.host = "127.0.0.1"
    case "*": self.host = "0.0.0.0"
    case _ where host.hasPrefix("[") && host.hasSuffix("]") && Self.isIP(host.dropFirst().dropLast(), with: ":"):
      self.host = String(host.dropFirst().dropLast())
    case _ where Self.isIP(host, with: "."): self.host = String(host)
    default:
      throw failure(
        "expected an IP address of this machine (an IPv6 one in brackets), localhost, or * for all networks")
    }
    if port == "*" {
      self.port = 0
    } else if let number = UInt16(port), number > 0, port.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      port.first != "0"
    {
      self.port = Int(number)
    } else {
      throw failure("expected a port of 1 to 65535, or * for any free one")
    }
  }

  private static func isIP(_ text: Substring, with separator: Character) -> Bool {
    text.contains(separator) && (try? SocketAddress(ipAddress: String(text), port: 0)) != nil
  }

  init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// As it is written.
  public var description: String { (host.contains(":") ? "[\(host)]" : host) + ":" + (port == 0 ? "*" : String(port)) }

  /// Whether only programs on this machine can reach it.
  public var isLocal: Bool { host.hasPrefix("127.") || host == "::1" }
}
