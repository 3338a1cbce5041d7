/// Writes protobuf by hand, so that tests can say what no honest encoder would.
struct WireWriter {
  private(set) var bytes: [UInt8] = []

  mutating func varint(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(value))
  }

  mutating func number(_ field: UInt64, _ value: UInt64) {
    varint(field << 3)
    varint(value)
  }

  mutating func double(_ field: UInt64, _ value: Double) {
    varint(field << 3 | 1)
    for shift in stride(from: 0, to: 64, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> UInt64(shift)))
    }
  }

  mutating func content(_ field: UInt64, _ content: [UInt8]) {
    varint(field << 3 | 2)
    varint(UInt64(content.count))
    bytes += content
  }

  mutating func byte(_ byte: UInt8) { bytes.append(byte) }

  mutating func text(_ field: UInt64, _ text: String) { content(field, Array(text.utf8)) }

  mutating func message(_ field: UInt64, _ build: (inout WireWriter) -> Void) {
    var inner = WireWriter()
    build(&inner)
    content(field, inner.bytes)
  }

  /// A request with a good header and the body that `build` writes.
  static func request(version: UInt64 = 2, id: UInt64 = 7, session: String = "arm", _ build: (inout WireWriter) -> Void)
    -> [UInt8]
  {
    var writer = WireWriter()
    writer.number(1, version)
    writer.number(2, id)
    writer.text(3, session)
    build(&writer)
    return writer.bytes
  }
}
