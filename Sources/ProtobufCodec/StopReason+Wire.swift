import RobotInterface

extension StopReason {
  /// What can be kept of the reason in a Stop message, whether or not it is text.
  static func read(_ bytes: [UInt8], range: Range<Int>) -> String {
    var reader = WireReader(bytes, range: range)
    for _ in 0..<ProtocolLimits.maximumFields {
      guard let field = try? reader.next() else { break }
      guard case (1, .bytes(let content)) = (field.number, field.value) else { continue }
      // A character has a few bytes; no more is read of a reason that may be as long as a message.
      return fitted(String(decoding: bytes[content].prefix(2 * ProtocolLimits.maximumNameBytes), as: UTF8.self))
    }
    return ""
  }
}
