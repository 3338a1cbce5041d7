import Tensors

/// Reads little-endian numbers from a part of a file; every step is checked against the end.
struct ByteCursor {
  let file: FileBytes
  private(set) var offset: Int
  /// Nothing at or after this offset is read.
  let end: Int
  /// Bytes of the file from `windowStart` on: single numbers are taken from here rather than from the file.
  private var window: [UInt8] = []
  private var windowStart = 0

  private static let windowSize = 4096

  /// A part of a file; clipped to it.
  init(_ file: FileBytes, _ range: Range<Int>) {
    self.file = file
    end = min(max(range.upperBound, 0), file.count)
    offset = min(max(range.lowerBound, 0), end)
  }

  var remaining: Int { end - offset }

  private func truncated(_ needed: Int) -> ImportError {
    ImportError(
      .truncatedFile, file.path,
      "ends at byte \(end) where \(needed) more bytes are needed at \(offset); is the download complete?")
  }

  mutating func skip(_ count: Int) throws(ImportError) {
    guard count >= 0, count <= remaining else { throw truncated(count) }
    offset += count
  }

  mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type) throws(ImportError) -> Value {
    let size = Value.bitWidth / 8
    guard size <= remaining else { throw truncated(size) }
    if offset < windowStart || offset + size > windowStart + window.count {
      window = try read(offset..<min(offset + Self.windowSize, end))
      windowStart = offset
    }
    let first = offset - windowStart
    defer { offset += size }
    var value: Value = 0
    for index in 0..<size { value |= Value(truncatingIfNeeded: window[first + index]) << (8 * index) }
    return value
  }

  private func read(_ range: Range<Int>) throws(ImportError) -> [UInt8] {
    do {
      return try file.bytes(range)
    } catch {
      throw ImportError(error)
    }
  }

  mutating func bytes(_ count: Int) throws(ImportError) -> [UInt8] {
    guard count >= 0, count <= remaining else { throw truncated(count) }
    defer { offset += count }
    if offset >= windowStart, offset + count <= windowStart + window.count {
      return Array(window[offset - windowStart..<offset - windowStart + count])
    }
    return try read(offset..<offset + count)
  }

  /// Text of `count` bytes.
  mutating func string(_ count: Int) throws(ImportError) -> String {
    guard let string = String(validating: try bytes(count), as: UTF8.self) else {
      throw ImportError(.malformedPickle, file.path, "holds a name at byte \(offset) that is not UTF-8")
    }
    return string
  }

  /// Text up to a line feed, which is consumed.
  mutating func line(limit: Int = 1024) throws(ImportError) -> String {
    var line: [UInt8] = []
    while true {
      let byte = try integer(UInt8.self)
      if byte == UInt8(ascii: "\n") { break }
      guard line.count < limit else {
        throw ImportError(.malformedPickle, file.path, "holds a name of more than \(limit) bytes")
      }
      line.append(byte)
    }
    guard let string = String(validating: line, as: UTF8.self) else {
      throw ImportError(.malformedPickle, file.path, "holds a name at byte \(offset) that is not UTF-8")
    }
    return string
  }
}
