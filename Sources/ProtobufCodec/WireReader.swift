import RobotInterface

/// Walks the fields of one protobuf message without allocating, copying or trusting any length.
struct WireReader {
  /// One field; lengths are already known to lie inside the message.
  struct Field {
    var number: Int
    var value: Value
  }

  enum Value {
    case varint(UInt64)
    case fixed
    case bytes(Range<Int>)
  }

  private let bytes: [UInt8]
  /// Of the next field, in the whole message.
  private(set) var position: Int
  private let end: Int

  init(_ bytes: [UInt8]) { self.init(bytes, range: 0..<bytes.count) }

  /// - Precondition: `range` lies inside `bytes`; ranges come from this reader alone.
  init(_ bytes: [UInt8], range: Range<Int>) {
    self.bytes = bytes
    self.position = range.lowerBound
    self.end = range.upperBound
  }

  /// Whether a nested message of this number comes next, whole or not.
  func isAtMessage(numbered number: Int) -> Bool {
    var copy = self
    return (try? copy.varint()).map { $0 == UInt64(number) << 3 | 2 } ?? false
  }

  /// The next field, or `nil` at the end.
  ///
  /// - Throws: `.malformed` when the bytes are no protobuf.
  mutating func next() throws(RobotError) -> Field? {
    guard position < end else { return nil }
    let tag = try varint()
    guard tag >> 3 > 0, let number = Int(exactly: tag >> 3), number < 1 << 29 else { throw broken("field number") }
    switch tag & 7 {
    case 0: return Field(number: number, value: .varint(try varint()))
    case 1:
      try skip(8)
      return Field(number: number, value: .fixed)
    case 2:
      let length = try varint()
      // Compared as unsigned numbers: a length near 2^64 must not wrap.
      guard length <= UInt64(end - position) else { throw broken("length") }
      let range = position..<(position + Int(length))
      position = range.upperBound
      return Field(number: number, value: .bytes(range))
    case 5:
      try skip(4)
      return Field(number: number, value: .fixed)
    default: throw broken("wire type")
    }
  }

  private mutating func varint() throws(RobotError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position < end, shift < 70 {
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    throw broken("number")
  }

  private mutating func skip(_ count: Int) throws(RobotError) {
    guard end - position >= count else { throw broken("length") }
    position += count
  }

  private func broken(_ what: String) -> RobotError {
    RobotError(.malformed, "message", "byte \(position) holds no valid \(what); send a uio2.v1 protobuf message")
  }
}
