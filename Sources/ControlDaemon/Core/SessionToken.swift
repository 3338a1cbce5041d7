import RobotInterface

/// Proves that a client owns its session, or that it is the operator on this machine. A secret: it does not show in any text.
public struct SessionToken: Sendable, CustomStringConvertible, CustomReflectable {
  /// Bytes of a token that the daemon makes, and of the shortest that it takes: too many to guess.
  public static let byteCount = SecretBytes.count

  /// What travels in `session_token`.
  public let bytes: [UInt8]

  /// A new token from the system's generator.
  public init() { bytes = SecretBytes.random() }

  /// A token that a client has chosen; `nil` when it could be guessed, or is too long to travel.
  public init?(chosen bytes: [UInt8]) {
    guard (Self.byteCount...ProtocolLimits.maximumSessionTokenBytes).contains(bytes.count) else { return nil }
    self.bytes = bytes
  }

  /// Whether `other` is this token. It takes the same time wherever they differ, so that nobody can find a token byte by byte.
  public func matches(_ other: [UInt8]) -> Bool {
    guard other.count == bytes.count else { return false }
    var difference: UInt8 = 0
    for (mine, theirs) in zip(bytes, other) { difference |= mine ^ theirs }
    return difference == 0
  }

  /// Says that there is a token, not which.
  public var description: String { "SessionToken(secret)" }
  /// Without children, for the same reason.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
