import ArgumentParser
import Foundation

/// An address that a daemon listens at or is reached at: `tcp://HOST:PORT` or `ipc://PATH`.
struct DaemonAddress: ExpressibleByArgument, CustomStringConvertible {
  /// Where a daemon listens unless it is told otherwise.
  static let standard = DaemonAddress(text: "tcp://127.0.0.1:5555")

  /// As the libraries take it.
  let text: String
  var description: String { text }

  private init(text: String) { self.text = text }

  /// Takes what has the form of an address; whether anybody is there is another question.
  init?(argument: String) {
    guard let end = argument.range(of: "://")?.upperBound else { return nil }
    let rest = argument[end...]
    switch argument[..<end] {
    case "tcp://": guard Self.isHostAndPort(rest) else { return nil }
    case "ipc://": guard Self.isLocalPath(rest) else { return nil }
    default: return nil
    }
    text = argument
  }

  /// Whether the port is `*`, which only a daemon can make something of.
  var hasAnyPort: Bool { text.hasPrefix("tcp://") && text.hasSuffix(":*") }

  private static func isHostAndPort(_ text: Substring) -> Bool {
    guard let colon = text.lastIndex(of: ":"), colon > text.startIndex else { return false }
    let host = text[..<colon], port = text[text.index(after: colon)...]
    // An IPv6 address has colons of its own and stands in brackets.
    let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
    let isHost = (isBracketed || !host.contains(":")) && !host.contains { $0.isWhitespace || $0 == "/" }
    return isHost && (port == "*" || UInt16(port).map { $0 > 0 } ?? false)
  }

  /// The address of a local socket has room for 107 bytes.
  private static func isLocalPath(_ path: Substring) -> Bool {
    (1...107).contains(path.utf8.count) && !path.utf8.contains(0)
  }
}
