/// Appends the fields of a protobuf message; as much of the format as Foxglove's schemas need.
struct ProtobufBytes {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ number: Int, varint value: UInt64) {
    guard value != 0 else { return }
    tag(number, 0)
    append(varint: value)
  }

  mutating func append(_ number: Int, double value: Double) {
    guard value != 0 else { return }
    tag(number, 1)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func append(_ number: Int, fixed value: UInt32) {
    guard value != 0 else { return }
    tag(number, 5)
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func append(_ number: Int, _ text: String) {
    if !text.isEmpty { append(number, bytes: Array(text.utf8)) }
  }

  mutating func append(_ number: Int, bytes content: [UInt8]) {
    tag(number, 2)
    append(varint: UInt64(content.count))
    bytes.append(contentsOf: content)
  }

  mutating func append(_ number: Int, _ message: (inout ProtobufBytes) -> Void) {
    var content = ProtobufBytes()
    message(&content)
    append(number, bytes: content.bytes)
  }

  /// A `google.protobuf.Timestamp`.
  mutating func append(_ number: Int, timestamp nanoseconds: UInt64) {
    append(number) {
      $0.append(1, varint: nanoseconds / 1_000_000_000)
      $0.append(2, varint: nanoseconds % 1_000_000_000)
    }
  }

  private mutating func tag(_ number: Int, _ type: UInt64) { append(varint: UInt64(number) << 3 | type) }

  private mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }
}
