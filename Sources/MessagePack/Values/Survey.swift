/// One walk over a message before anything is allocated for it: every length lies within the bytes, every limit holds, nothing follows.
///
/// msgpack-c reserves what a header declares before it has seen the elements, and knows no limits but its own 32 levels. After a survey
/// neither matters.
struct Survey {
  private struct Level {
    var isMap: Bool
    /// Keys and values of a map count one each.
    var count: Int
    var done = 0
    /// Where the last key's bytes lie.
    var key: Range<Int>?
  }

  private let bytes: UnsafeBufferPointer<UInt8>
  private let limits: MessagePackLimits
  private var place = 0
  private var values = 0
  private var levels: [Level] = []

  /// - Throws: `.truncated`, `.trailingBytes`, `.invalidByte`, `.tooLarge`.
  static func check(_ bytes: UnsafeBufferPointer<UInt8>, _ limits: MessagePackLimits) throws(MessagePackError) {
    guard bytes.count <= limits.bytes else {
      throw MessagePackError(.tooLarge, "", "\(bytes.count) bytes; at most \(limits.bytes) are read")
    }
    var survey = Survey(bytes: bytes, limits: limits)
    try survey.walk()
  }

  private init(bytes: UnsafeBufferPointer<UInt8>, limits: MessagePackLimits) {
    self.bytes = bytes
    self.limits = limits
  }

  private mutating func walk() throws(MessagePackError) {
    repeat {
      try value()
      while let last = levels.last, last.done == last.count { levels.removeLast() }
    } while !levels.isEmpty
    guard place == bytes.count else {
      throw MessagePackError(.trailingBytes, "", "\(bytes.count - place) bytes follow the value")
    }
  }

  private mutating func value() throws(MessagePackError) {
    values += 1
    guard values <= limits.values else { throw failure(.tooLarge, "more than \(limits.values) values") }
    let first = try number(1)
    switch first {
    case 0x00...0x7f, 0xe0...0xff: try skip(0)
    case 0x80...0x8f: try descend(first & 0x0f, isMap: true)
    case 0x90...0x9f: try descend(first & 0x0f, isMap: false)
    case 0xa0...0xbf: try skip(first & 0x1f)
    case 0xc0, 0xc2, 0xc3: try skip(0)
    case 0xc4, 0xc5, 0xc6: try skip(number(1 << (first - 0xc4)))
    case 0xc7, 0xc8, 0xc9: try skip(number(1 << (first - 0xc7)) + 1)
    case 0xca, 0xce, 0xd2: try skip(4)
    case 0xcb, 0xcf, 0xd3: try skip(8)
    case 0xcc, 0xd0: try skip(1)
    case 0xcd, 0xd1: try skip(2)
    case 0xd4...0xd8: try skip(1 + 1 << (first - 0xd4))
    case 0xd9, 0xda, 0xdb: try skip(number(1 << (first - 0xd9)))
    case 0xdc, 0xdd: try descend(number(2 << (first - 0xdc)), isMap: false)
    case 0xde, 0xdf: try descend(number(2 << (first - 0xde)), isMap: true)
    default: throw failure(.invalidByte, "the byte 0xc1 begins no value")
    }
  }

  /// A big-endian number of 1, 2 or 4 bytes.
  private mutating func number(_ count: Int) throws(MessagePackError) -> Int {
    guard count <= bytes.count - place else { throw truncated() }
    var value = 0
    for index in place..<place + count { value = value << 8 | Int(bytes[index]) }
    place += count
    return value
  }

  private mutating func skip(_ count: Int) throws(MessagePackError) {
    guard count <= bytes.count - place else { throw truncated() }
    finishOne(place..<place + count)
    place += count
  }

  private mutating func descend(_ count: Int, isMap: Bool) throws(MessagePackError) {
    let items = isMap ? 2 * count : count
    // Each takes a byte at least.
    guard items <= bytes.count - place else { throw truncated() }
    guard levels.count < limits.depth else {
      throw failure(.tooLarge, "more than \(limits.depth) levels of lists and maps")
    }
    finishOne(nil)
    levels.append(Level(isMap: isMap, count: items))
  }

  private mutating func finishOne(_ text: Range<Int>?) {
    guard let last = levels.indices.last else { return }
    if levels[last].isMap, levels[last].done % 2 == 0 { levels[last].key = text }
    levels[last].done += 1
  }

  private func truncated() -> MessagePackError { failure(.truncated, "the message ends within the value") }

  /// With the path of the value that is being read.
  private func failure(_ code: MessagePackError.Code, _ message: String) -> MessagePackError {
    var error = MessagePackError(code, "", message)
    for (depth, level) in levels.enumerated().reversed() {
      // Levels above the last have counted the container within them already.
      let item = depth == levels.count - 1 ? level.done : level.done - 1
      guard level.isMap else {
        error = error.within(.index(item))
        continue
      }
      guard item % 2 == 1, let key = level.key else {
        error = error.within(.key("key \(item / 2)"))
        continue
      }
      error = error.within(.key(String(decoding: bytes[key].prefix(80), as: UTF8.self)))
    }
    return error
  }
}
