/// The words of a stop. Nothing about them keeps a robot from stopping.
public enum StopReason {
  /// As much of a reason as may travel: no NUL, at most ``ProtocolLimits/maximumNameBytes`` bytes, cut between two characters.
  public static func fitted(_ reason: String) -> String {
    var fitted = String.UnicodeScalarView()
    var bytes = 0
    for scalar in reason.unicodeScalars {
      bytes += UTF8.width(scalar)
      if bytes > ProtocolLimits.maximumNameBytes { break }
      fitted.append(scalar == "\0" ? " " : scalar)
    }
    return String(fitted)
  }

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
