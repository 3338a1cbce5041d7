/// A named command of ZMTP: a length, a name, data (RFC 37, "Commands").
struct Command {
  var name: String
  var data: ArraySlice<UInt8>

  /// - Throws: `.malformed`.
  init(_ body: [UInt8]) throws(ZMTPError) {
    guard let length = body.first.map(Int.init), length > 0, body.count > length else {
      throw ZMTPError(.malformed, "command", "expected a name, found \(body.count) bytes without one")
    }
    name = String(decoding: body[1...length], as: UTF8.self)
    data = body[(length + 1)...]
  }

  /// The body of a frame.
  static func body(_ name: String, _ data: [UInt8]) -> [UInt8] { [UInt8(name.utf8.count)] + Array(name.utf8) + data }

  /// The frame of a command.
  static func frame(_ name: String, _ data: [UInt8]) -> [UInt8] { Frame.encode(body(name, data), isCommand: true) }
}

/// What two sockets tell of themselves in READY and INITIATE.
enum Metadata {
  /// What a server's socket says.
  static let ofRouter = property("Socket-Type", "ROUTER") + property("Identity", "")

  private static func property(_ name: String, _ value: String) -> [UInt8] {
    let length = UInt32(value.utf8.count)
    return [UInt8(name.utf8.count)] + Array(name.utf8)
      + [UInt8(length >> 24), UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255)]
      + Array(value.utf8)
  }

  /// Makes sure that a peer is one that asks: DEALER or REQ. A name that it gives itself is not read: nobody takes another one's.
  ///
  /// - Throws: `.malformed`, `.wrongSocketType`.
  static func check(_ bytes: ArraySlice<UInt8>, in subject: String) throws(ZMTPError) {
    var rest = bytes, type: String?
    func malformed() -> ZMTPError {
      ZMTPError(.malformed, subject, "its properties end too early, or one has no name")
    }
    while let length = rest.popFirst() {
      guard length > 0, rest.count >= Int(length) + 4 else { throw malformed() }
      let name = String(decoding: rest.prefix(Int(length)), as: UTF8.self)
      rest = rest.dropFirst(Int(length))
      let size = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
      rest = rest.dropFirst(4)
      guard rest.count >= size else { throw malformed() }
      if name.lowercased() == "socket-type" { type = String(decoding: rest.prefix(size), as: UTF8.self) }
      rest = rest.dropFirst(size)
    }
    guard type == "DEALER" || type == "REQ" else {
      throw ZMTPError(
        .wrongSocketType, subject, "expected a DEALER or REQ socket, found \(type.map(Self.shown) ?? "none")")
    }
  }

  private static func shown(_ name: String) -> String {
    String(name.unicodeScalars.prefix(20).map { ("!"..."~").contains($0) ? Character($0) : "?" })
  }
}
