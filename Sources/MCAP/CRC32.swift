/// The checksum of MCAP (and of zip): CRC-32 with the polynomial 0xEDB88320, eight bytes at a time.
public struct CRC32: Sendable {
  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var value = UInt32(byte)
      for _ in 0..<8 { value = value & 1 == 1 ? (value >> 1) ^ 0xEDB8_8320 : value >> 1 }
      tables[byte] = value
    }
    for index in 256..<(8 * 256) {
      let before = tables[index - 256]
      tables[index] = (before >> 8) ^ tables[Int(before & 0xFF)]
    }
    return tables
  }()

  private var state: UInt32 = 0xFFFF_FFFF

  /// Of no bytes yet.
  public init() {}

  /// The checksum of all bytes so far.
  public var value: UInt32 { ~state }

  /// The checksum of `bytes`.
  public static func of(_ bytes: [UInt8]) -> UInt32 {
    var checksum = CRC32()
    checksum.update(bytes)
    return checksum.value
  }

  /// Goes on with further bytes.
  public mutating func update(_ bytes: [UInt8]) { update(bytes[...]) }

  /// As the other method.
  ///
  /// - Complexity: O(bytes).
  public mutating func update(_ bytes: ArraySlice<UInt8>) {
    let start = state
    state = Self.tables.withUnsafeBufferPointer { tables in
      bytes.withUnsafeBufferPointer { bytes in
        var value = start
        var place = 0
        while bytes.count - place >= 8 {
          // Eight bytes lie ahead, and every index below is one byte within one of the eight tables.
          let low =
            value
            ^ (UInt32(bytes[place]) | UInt32(bytes[place + 1]) << 8 | UInt32(bytes[place + 2]) << 16
              | UInt32(bytes[place + 3]) << 24)
          value =
            tables[1792 + Int(low & 0xFF)] ^ tables[1536 + Int(low >> 8 & 0xFF)]
            ^ tables[1280 + Int(low >> 16 & 0xFF)] ^ tables[1024 + Int(low >> 24)]
            ^ tables[768 + Int(bytes[place + 4])] ^ tables[512 + Int(bytes[place + 5])]
            ^ tables[256 + Int(bytes[place + 6])] ^ tables[Int(bytes[place + 7])]
          place += 8
        }
        while place < bytes.count {
          value = (value >> 8) ^ tables[Int((value ^ UInt32(bytes[place])) & 0xFF)]
          place += 1
        }
        return value
      }
    }
  }
}
