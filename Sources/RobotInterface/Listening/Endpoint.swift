#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A checked address: where a daemon listens, or is looked for.
///
/// ZeroMQ itself wraps ports around (99999 becomes 34463), takes transports that nothing here speaks, and explains neither.
public struct Endpoint: Sendable, Hashable, CustomStringConvertible {
  /// What an address is for; some are good for one use only.
  public enum Use: Sendable, Hashable {
    /// A daemon binds to it. The port may be `*`, for any free one, and the host may be `*`, for all networks.
    case listen
    /// A client looks for a daemon there. The host may be a name.
    case connect
  }

  /// The machine of a TCP address.
  public enum Host: Sendable, Hashable {
    /// Dotted decimal.
    case ipv4(String)
    /// Without brackets; may end with a zone, as `fe80::1%eth0`.
    case ipv6(String)
    /// `localhost`: the loopback addresses of both families. A client tries IPv4, where daemons listen by default.
    case localhost
    /// Something for the resolver.
    case name(String)
    /// `*`: all networks of this machine, IPv4 and IPv6.
    case any
  }

  /// The two transports.
  public enum Place: Sendable, Hashable {
    /// - Parameter port: 1...65535; `nil`: any free one.
    case tcp(host: Host, port: UInt16?)
    /// - Parameter path: of a socket's file, at most ``Endpoint/maximumPathBytes`` bytes.
    case ipc(path: String)
  }

  /// Where a daemon listens when nobody says otherwise.
  public static let standard = Endpoint(.tcp(host: .ipv4("127.0.0.1"), port: 5555))

  /// UTF-8 bytes of an ipc path, as the system allows them.
  public static let maximumPathBytes = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

  /// Where it is.
  public let place: Place

  /// A place that is known to be good.
  public init(_ place: Place) { self.place = place }

  /// Reads an address, and refuses what ZeroMQ would misunderstand.
  ///
  /// - Parameters:
  ///   - text: `tcp://HOST:PORT` or `ipc://PATH`.
  ///   - use: what it is for.
  /// - Throws: `.malformed` with `text` as the subject and a sentence that says what was expected.
  public init(_ text: String, for use: Use) throws(RobotError) {
    func failure(_ message: String) -> RobotError { RobotError(.malformed, text.isEmpty ? "address" : text, message) }
    guard let separator = text.firstRange(of: "://") else {
      throw failure("expected tcp://HOST:PORT or ipc://PATH")
    }
    let rest = text[separator.upperBound...]
    do throws(Flaw) {
      switch text[..<separator.lowerBound] {
      case "tcp": place = try Self.tcp(rest, use)
      case "ipc": place = .ipc(path: try Self.path(rest))
      case let other:
        throw Flaw("the transport \(other):// is not spoken here; expected tcp://HOST:PORT or ipc://PATH")
      }
    } catch {
      throw failure(error.message)
    }
  }

  /// As it is written; reading it gives the same endpoint.
  public var description: String {
    switch place {
    case .ipc(let path): "ipc://\(path)"
    case .tcp(let host, let port): "tcp://\(host):\(port.map(String.init) ?? "*")"
    }
  }

  /// Whether the system chooses the port, another one each time.
  public var picksPort: Bool { if case .tcp(_, nil) = place { true } else { false } }

  /// Whether only programs on this machine can reach it.
  public var isLocal: Bool {
    switch place {
    case .ipc: true
    case .tcp(.localhost, _): true
    case .tcp(.ipv4(let address), _): address.hasPrefix("127.")
    case .tcp(.ipv6(let address), _): Self.isLoopback(ipv6: address)
    case .tcp(.name, _), .tcp(.any, _): false
    }
  }

  /// As libzmq connects to it. It resolves a name to one address only and then insists on that one, so `localhost` is the address where
  /// daemons listen by default.
  public var connectable: String {
    if case .tcp(.localhost, let port) = place {
      return Endpoint(.tcp(host: .ipv4("127.0.0.1"), port: port)).description
    }
    return description
  }

  /// Whether libzmq has to look for an IPv6 address: it then does not take an IPv4 one.
  package var needsIPv6: Bool {
    switch place {
    case .tcp(.ipv6, _): true
    case .tcp(.name(let name), _): !Self.hasIPv4(name)
    default: false
    }
  }

  /// Asks the resolver, and may wait for it.
  private static func hasIPv4(_ name: String) -> Bool {
    var hints = addrinfo()
    hints.ai_family = AF_INET
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(name, nil, &hints, &list) == 0 else { return false }
    freeaddrinfo(list)
    return true
  }

  private static func isLoopback(ipv6 text: String) -> Bool {
    var address = in6_addr()
    guard inet_pton(AF_INET6, text, &address) == 1 else { return false }
    let bytes = withUnsafeBytes(of: address) { [UInt8]($0) }
    let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10...11].allSatisfy { $0 == 0xFF }
    return bytes[..<15].allSatisfy { $0 == 0 } && bytes[15] == 1 || isMapped && bytes[12] == 127
  }
}

extension Endpoint.Host: CustomStringConvertible {
  /// As it is written in an address.
  public var description: String {
    switch self {
    case .ipv4(let address), .name(let address): address
    case .ipv6(let address): "[\(address)]"
    case .localhost: "localhost"
    case .any: "*"
    }
  }
}

// MARK: Reading

extension Endpoint {
  /// What is wrong with an address.
  private struct Flaw: Error {
    var message: String
    init(_ message: String) { self.message = message }
  }

  private static func tcp(_ text: Substring, _ use: Use) throws(Flaw) -> Place {
    guard let colon = text.lastIndex(of: ":"), !text[..<colon].isEmpty else {
      throw Flaw("expected tcp://HOST:PORT, such as tcp://127.0.0.1:5555")
    }
    return .tcp(host: try host(text[..<colon], use), port: try port(text[text.index(after: colon)...], use))
  }

  private static func port(_ text: Substring, _ use: Use) throws(Flaw) -> UInt16? {
    if text == "*", use == .listen { return nil }
    let isNumber = !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard isNumber, !text.hasPrefix("0"), let port = UInt16(text) else {
      let choice = use == .listen ? ", or * for any free one" : ""
      throw Flaw("expected a port of 1 to 65535\(choice), found “\(text)”")
    }
    return port
  }

  private static func host(_ text: Substring, _ use: Use) throws(Flaw) -> Host {
    let host = try host(text)
    switch (host, use) {
    case (.any, .connect), (.ipv4("0.0.0.0"), .connect), (.ipv6("::"), .connect):
      throw Flaw("\(text) means all networks of a machine, where one can listen but not connect; name one machine")
    case (.name, .listen):
      throw Flaw("“\(text)” is a name; to listen, give an IP address of this machine, localhost, or * for all networks")
    default: return host
    }
  }

  private static func host(_ text: Substring) throws(Flaw) -> Host {
    if text == "*" { return .any }
    if text == "localhost" { return .localhost }
    if text.hasPrefix("["), text.hasSuffix("]") {
      let inside = String(text.dropFirst().dropLast())
      guard isIPv6(inside) else { throw Flaw("“\(inside)” is not an IPv6 address") }
      return .ipv6(inside)
    }
    guard !text.contains(":") else {
      throw Flaw("an IPv6 address needs brackets and a port, such as tcp://[::1]:5555")
    }
    var address = in_addr()
    if inet_pton(AF_INET, String(text), &address) == 1 { return .ipv4(String(text)) }
    guard isName(text) else { throw Flaw("“\(text)” is neither an IP address nor the name of a machine") }
    return .name(String(text))
  }

  /// With a zone or without.
  private static func isIPv6(_ text: String) -> Bool {
    let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
    var address = in6_addr()
    guard let first = parts.first, inet_pton(AF_INET6, String(first), &address) == 1 else { return false }
    return parts.count == 1 || (!parts[1].isEmpty && parts[1].utf8.allSatisfy(isNameByte))
  }

  /// Labels of 1 to 63 letters, digits, `-` and `_` between dots, and perhaps one dot at the end; at least one letter, or it would be a
  /// number that is no address.
  private static func isName(_ text: Substring) -> Bool {
    let labels = (text.hasSuffix(".") ? text.dropLast() : text).split(separator: ".", omittingEmptySubsequences: false)
    return text.utf8.count <= 253 && text.utf8.allSatisfy(isNameByte) && text.contains { $0.isLetter }
      && labels.allSatisfy { (1...63).contains($0.utf8.count) && !$0.hasPrefix("-") && !$0.hasSuffix("-") }
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  private static func path(_ text: Substring) throws(Flaw) -> String {
    guard !text.isEmpty else { throw Flaw("expected ipc://PATH, such as ipc:///run/uio2.sock") }
    guard !text.hasPrefix("@") else {
      throw Flaw("an abstract socket has no file, so every user of the machine could reach it; give a path")
    }
    guard text != "*" else { throw Flaw("expected the path of a socket's file, found “*”") }
    guard !text.hasSuffix("/") else { throw Flaw("expected the path of a socket's file, found that of a folder") }
    guard text.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else { throw Flaw("a path has no control characters") }
    guard text.utf8.count <= maximumPathBytes else {
      throw Flaw("the path has \(text.utf8.count) bytes; a socket's path may have \(maximumPathBytes) at most")
    }
    return String(text)
  }
}
