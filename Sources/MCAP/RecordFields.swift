/// A record of the file; `opcode` is `nil` for kinds that are passed over.
struct Record {
  var opcode: MCAPFormat.Opcode?
  var fields: RecordFields
}

/// Reads the fields of a record, none beyond its end.
struct RecordFields {
  private var bytes: ArraySlice<UInt8>
  /// The byte of the file at which the record's content begins, or that of the chunk it lies in, for errors.
  let base: UInt64

  init(_ bytes: [UInt8], base: UInt64) {
    self.bytes = bytes[...]
    self.base = base
  }

  private init(slice bytes: ArraySlice<UInt8>, base: UInt64) {
    self.bytes = bytes
    self.base = base
  }

  mutating func number<Number: FixedWidthInteger>(as type: Number.Type) throws(MCAPError) -> Number {
    let taken = try take(Number.bitWidth / 8)
    var result: Number = 0
    for byte in taken.reversed() { result = result << 8 | Number(truncatingIfNeeded: byte) }
    return result
  }

  mutating func text() throws(MCAPError) -> String {
    let taken = try take(Int(try number(as: UInt32.self)))
    guard let text = String(validating: taken, as: UTF8.self) else { throw broken("a text that is no UTF-8") }
    return text
  }

  mutating func countedBytes() throws(MCAPError) -> [UInt8] { Array(try take(Int(try number(as: UInt32.self)))) }

  mutating func longCountedBytes() throws(MCAPError) -> ArraySlice<UInt8> {
    let count = try number(as: UInt64.self)
    // Compared as unsigned numbers: a length near 2^64 must not wrap.
    guard count <= UInt64(bytes.count) else { throw broken("a length beyond its record") }
    return try take(Int(count))
  }

  mutating func map() throws(MCAPError) -> [String: String] {
    var pairs = RecordFields(slice: try take(Int(try number(as: UInt32.self))), base: base)
    var result: [String: String] = [:]
    while !pairs.bytes.isEmpty { result[try pairs.text()] = try pairs.text() }
    return result
  }

  mutating func rest() -> [UInt8] {
    defer { bytes = bytes[bytes.endIndex...] }
    return Array(bytes)
  }

  /// The next of the records that these bytes are, as in a chunk; `nil` at the end.
  mutating func nextRecord() throws(MCAPError) -> Record? {
    guard !bytes.isEmpty else { return nil }
    let opcode = try number(as: UInt8.self)
    return Record(
      opcode: MCAPFormat.Opcode(rawValue: opcode), fields: RecordFields(slice: try longCountedBytes(), base: base))
  }

  private mutating func take(_ count: Int) throws(MCAPError) -> ArraySlice<UInt8> {
    guard count >= 0, count <= bytes.count else { throw broken("a length beyond its record") }
    defer { bytes = bytes.dropFirst(count) }
    return bytes.prefix(count)
  }

  private func broken(_ what: String) -> MCAPError {
    MCAPError(.malformed, "byte \(base)", "the record there holds \(what); the file is damaged from there on")
  }
}
