/// Reads the fields of one serialized protobuf message, in order, without a schema.
///
/// Every length is checked against what is left, so any bytes at all give fields or an error.
package struct ProtobufReader {
  package enum Value: Equatable {
    case varint(UInt64)
    case fixed32(UInt32)
    case fixed64(UInt64)
    case bytes(ArraySlice<UInt8>)
  }

  package struct Malformed: Error, Equatable {
    package let reason: String

    package init(_ reason: String) { self.reason = reason }
  }

  private let bytes: ArraySlice<UInt8>
  private var position: Int

  package init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  /// The next field, or `nil` at the end.
  package mutating func next() throws(Malformed) -> (number: Int, value: Value)? {
    guard position < bytes.endIndex else { return nil }
    let key = try varint()
    guard key >> 3 > 0, key <= UInt64(UInt32.max) else { throw malformed("field number out of range") }
    let number = Int(key >> 3)
    switch key & 7 {
    case 0: return (number, .varint(try varint()))
    case 1: return (number, .fixed64(try littleEndian(byteCount: 8)))
    case 2:
      let count = try varint()
      guard count <= UInt64(bytes.endIndex - position) else { throw malformed("a field runs past the end") }
      let start = position
      position += Int(count)
      return (number, .bytes(bytes[start..<position]))
    case 5: return (number, .fixed32(UInt32(truncatingIfNeeded: try littleEndian(byteCount: 4))))
    default: throw malformed("unknown wire type \(key & 7)")
    }
  }

  private mutating func varint() throws(Malformed) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard position < bytes.endIndex else { throw malformed("the message ends inside a number") }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
    }
    throw malformed("a number is longer than ten bytes")
  }

  private mutating func littleEndian(byteCount: Int) throws(Malformed) -> UInt64 {
    guard bytes.endIndex - position >= byteCount else { throw malformed("the message ends inside a number") }
    var value: UInt64 = 0
    for index in 0..<byteCount {
      value |= UInt64(bytes[position + index]) << UInt64(8 * index)
    }
    position += byteCount
    return value
  }

  private func malformed(_ reason: String) -> Malformed {
    Malformed("\(reason), at byte \(position - bytes.startIndex) of the message")
  }
}

/// Writes protobuf fields.
package struct ProtobufWriter {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package mutating func field(_ number: Int, varint value: UInt64) {
    key(number, wireType: 0)
    varint(value)
  }

  package mutating func field(_ number: Int, float value: Float) {
    key(number, wireType: 5)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
  }

  package mutating func field(_ number: Int, bytes value: some Collection<UInt8>) {
    key(number, wireType: 2)
    varint(UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  private mutating func key(_ number: Int, wireType: UInt64) {
    varint(UInt64(number) << 3 | wireType)
  }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }
}
