/// A frame of ZMTP 3: a part of a message, or a command (RFC 37, "Framing").
struct Frame {
  var isCommand: Bool
  /// Whether another frame of the same message follows.
  var hasMore: Bool
  var body: [UInt8]

  private static let moreFlag: UInt8 = 1
  private static let longFlag: UInt8 = 2
  private static let commandFlag: UInt8 = 4

  /// The bytes that travel.
  static func encode(_ body: [UInt8], hasMore: Bool = false, isCommand: Bool = false) -> [UInt8] {
    var flags: UInt8 = (hasMore ? moreFlag : 0) | (isCommand ? commandFlag : 0)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(body.count + 9)
    if let size = UInt8(exactly: body.count) {
      bytes += [flags, size]
    } else {
      flags |= longFlag
      bytes.append(flags)
      bytes += bigEndian(UInt64(body.count))
    }
    return bytes + body
  }

  /// Finds frames in bytes that come in any pieces, and knows the size of each before it waits for its body.
  struct Reader {
    private var buffer: [UInt8] = []
    private var start = 0

    /// Bytes that have come and were not read.
    var count: Int { buffer.count - start }

    mutating func take(_ bytes: some Collection<UInt8>) { buffer.append(contentsOf: bytes) }

    /// The next `count` bytes, if they are here.
    mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
      guard self.count >= count else { return nil }
      return buffer[start..<start + count]
    }

    mutating func drop(_ count: Int) {
      start += count
      // Moving what is left costs no more than what was read.
      if start == buffer.count {
        // A large frame's memory is not kept.
        buffer.removeAll(keepingCapacity: buffer.capacity <= 1 << 16)
        start = 0
      } else if start > 1 << 16, start > buffer.count / 2 {
        buffer.removeFirst(start)
        start = 0
      }
    }

    /// The next frame, if all of it is here.
    ///
    /// - Parameters:
    ///   - message: bytes of a message's frame at most.
    ///   - command: bytes of a command's frame at most.
    /// - Throws: `.malformed` for flags that nobody knows, `.tooLarge`, before the body has come.
    mutating func next(message: Int, command: Int) throws(ZMTPError) -> Frame? {
      guard let flags = bytes(1)?.first else { return nil }
      let isCommand = flags & Frame.commandFlag != 0, hasMore = flags & Frame.moreFlag != 0
      guard flags & ~7 == 0, !(isCommand && hasMore) else {
        throw ZMTPError(.malformed, "frame", "expected flags of 0 to 7, and a command in one frame, found \(flags)")
      }
      let isLong = flags & Frame.longFlag != 0
      guard let head = bytes(isLong ? 9 : 2) else { return nil }
      let size = head.dropFirst().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      let limit = isCommand ? command : message
      guard size <= UInt64(limit) else {
        throw ZMTPError(.tooLarge, isCommand ? "command" : "message", "expected at most \(limit) bytes, found \(size)")
      }
      guard let whole = bytes(head.count + Int(size)) else { return nil }
      let frame = Frame(isCommand: isCommand, hasMore: hasMore, body: Array(whole.dropFirst(head.count)))
      drop(whole.count)
      return frame
    }
  }
}

/// Eight bytes, the highest first.
func bigEndian(_ number: UInt64) -> [UInt8] {
  (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) }
}
