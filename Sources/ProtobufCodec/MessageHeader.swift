import RobotInterface

/// The parts of a message that its answer needs, read without trusting the rest.
public struct MessageHeader: Sendable, Hashable {
  /// 0 when absent.
  public var protocolVersion: UInt32
  /// 0 when absent.
  public var requestID: UInt64
  /// Empty when absent or not a valid session id.
  public var sessionID: String
  /// Why somebody wants the session to stop, as far as that can be kept; `nil` when the message is no stop. It is one whatever else is
  /// wrong with it.
  public var stopReason: String?

  /// Collects the parts.
  public init(protocolVersion: UInt32 = 0, requestID: UInt64 = 0, sessionID: String = "", stopReason: String? = nil) {
    self.protocolVersion = protocolVersion
    self.requestID = requestID
    self.sessionID = sessionID
    self.stopReason = stopReason
  }

  /// Reads as much of the header as `bytes` holds; works on a truncated or malformed message, and never fails.
  ///
  /// Encoders write the header's fields first, so that the first few hundred bytes of a message are enough.
  public static func peek(_ bytes: [UInt8]) -> MessageHeader {
    var header = MessageHeader()
    var reader = WireReader(bytes)
    // Bounded, because the message is not: a header after this many fields is no one's.
    for _ in 0..<ProtocolLimits.maximumFields {
      // Of a message that is too large only the beginning is here, and the reason may be what makes it so.
      if reader.isAtMessage(numbered: 13) { header.stopReason = header.stopReason ?? "" }
      guard let field = try? reader.next() else { break }
      switch (field.number, field.value) {
      case (1, .varint(let value)): header.protocolVersion = UInt32(truncatingIfNeeded: value)
      case (2, .varint(let value)): header.requestID = value
      case (3, .bytes(let range)):
        // An id that is too long or not text cannot be echoed faithfully: better none than a wrong one.
        let text =
          range.count <= ProtocolLimits.maximumSessionIDBytes ? String(validating: bytes[range], as: UTF8.self) : nil
        header.sessionID = text.flatMap { $0.utf8.allSatisfy { (0x20...0x7E).contains($0) } ? $0 : nil } ?? ""
      case (13, .bytes(let range)): header.stopReason = StopReason.read(bytes, range: range)
      default: break
      }
    }
    return header
  }
}
