/// What a message may cost before anybody has looked at what it says.
public struct MessagePackLimits: Sendable, Hashable {
  /// Levels that msgpack-c can hold.
  static let deepest = 31

  /// Bytes of a whole message.
  public var bytes: Int
  /// Arrays and maps within each other; never more than 31.
  public var depth: Int
  /// Values in all, keys included.
  public var values: Int

  /// Pictures of a few cameras fit; nothing deep or scattered does.
  public init(bytes: Int = 64 << 20, depth: Int = 16, values: Int = 65_536) {
    self.bytes = bytes
    self.depth = min(depth, Self.deepest)
    self.values = values
  }
}
