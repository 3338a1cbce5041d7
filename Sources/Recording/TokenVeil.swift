import Crypto

/// Puts others in the place of tokens, so that nobody can resume a robot by its recording. The same token gets the same other one, which
/// is as long: who owned a session can still be told.
struct TokenVeil {
  private static let capacity = 1_024

  private let key = SymmetricKey(size: .bits256)
  private var known: [[UInt8]: [UInt8]] = [:]

  /// What stands for `token` in this recording.
  mutating func veiled(_ token: [UInt8]) -> [UInt8] {
    if token.isEmpty { return [] }
    if let veil = known[token] { return veil }
    var veil: [UInt8] = []
    var counter: UInt8 = 0
    while veil.count < token.count {
      veil += HMAC<SHA256>.authenticationCode(for: [counter] + token, using: key)
      counter &+= 1
    }
    veil.removeLast(veil.count - token.count)
    if known.count >= Self.capacity { known.removeAll() }
    known[token] = veil
    return veil
  }

  /// A request with its token veiled, and otherwise byte for byte what it was.
  mutating func veil(request bytes: [UInt8]) -> [UInt8] { veiled(bytes, path: [4]) }

  /// A reply with the token of its capabilities veiled, and otherwise byte for byte what it was.
  mutating func veil(reply bytes: [UInt8]) -> [UInt8] { veiled(bytes, path: [10, 13]) }

  private mutating func veiled(_ bytes: [UInt8], path: [Int]) -> [UInt8] {
    var copy = bytes
    for range in ProtobufFields.ranges(at: path, of: bytes) {
      copy.replaceSubrange(range, with: veiled(Array(bytes[range])))
    }
    return copy
  }
}

/// Finds fields in the bytes of a protobuf message that was decoded before.
enum ProtobufFields {
  /// Where the fields lie that a path of field numbers leads to, each a text, bytes or message.
  static func ranges(at path: [Int], of bytes: [UInt8]) -> [Range<Int>] {
    var ranges = [0..<bytes.count]
    for number in path { ranges = ranges.flatMap { fields(number, in: $0, of: bytes) } }
    return ranges
  }

  private static func fields(_ number: Int, in range: Range<Int>, of bytes: [UInt8]) -> [Range<Int>] {
    var found: [Range<Int>] = []
    var place = range.lowerBound
    while place < range.upperBound, let tag = varint(&place, range.upperBound, bytes) {
      var length: UInt64 = 0
      switch tag & 7 {
      case 0: guard varint(&place, range.upperBound, bytes) != nil else { return found }
      case 1: length = 8
      case 2:
        guard let counted = varint(&place, range.upperBound, bytes) else { return found }
        length = counted
      case 5: length = 4
      default: return found
      }
      guard length <= UInt64(range.upperBound - place) else { return found }
      let field = place..<(place + Int(length))
      if tag & 7 == 2, tag >> 3 == UInt64(number) { found.append(field) }
      place = field.upperBound
    }
    return found
  }

  private static func varint(_ place: inout Int, _ end: Int, _ bytes: [UInt8]) -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard place < end else { return nil }
      let byte = bytes[place]
      place += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    return nil
  }
}
