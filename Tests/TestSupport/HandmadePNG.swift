/// PNG files of any chunks, right or hostile; small on disk, whatever they inflate to.
public enum HandmadePNG {
  /// A whole file: signature, header of 8-bit RGB, the chunks, end.
  public static func file(width: Int, height: Int, _ chunks: [[UInt8]]) -> [UInt8] {
    [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] + header(width: width, height: height) + chunks.flatMap(\.self)
      + chunk("IEND", [])
  }

  /// A file whose pixels are all black.
  ///
  /// - Parameter surplus: bytes that the pixels' stream goes on for behind the last row.
  public static func black(
    width: Int, height: Int, before: [[UInt8]] = [], surplus: Int = 0, after: [[UInt8]] = []
  ) -> [UInt8] {
    let pixels = chunk("IDAT", zlibZeros(height * (1 + width * 3) + surplus))
    return file(width: width, height: height, before + [pixels] + after)
  }

  /// The first chunk, of 8-bit RGB.
  public static func header(width: Int, height: Int) -> [UInt8] {
    chunk("IHDR", big(UInt32(width)) + big(UInt32(height)) + [8, 2, 0, 0, 0])
  }

  /// Length, kind, contents, checksum.
  public static func chunk(_ kind: String, _ contents: [UInt8]) -> [UInt8] {
    let body = Array(kind.utf8) + contents
    return big(UInt32(contents.count)) + body + big(checksum(body))
  }

  /// A compressed text that inflates to zeros.
  public static func text(of count: Int) -> [UInt8] {
    chunk("zTXt", Array("Comment".utf8) + [0, 0] + zlibZeros(count))
  }

  /// An eXIf chunk with an orientation.
  public static func exif(orientation: UInt8) -> [UInt8] {
    chunk(
      "eXIf", Array("MM\0*".utf8) + [0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0])
  }

  /// A zlib stream of `count` zeros, at least one: about a thousandth of that in bytes.
  public static func zlibZeros(_ count: Int) -> [UInt8] {
    var bits = BitWriter()
    bits.append(0b101, 3)  // The last block, with codes of its own.
    bits.append(29, 5)  // 286 codes of literals and lengths,
    bits.append(0, 5)  // one of distances,
    bits.append(14, 4)  // 18 lengths of the codes that these lengths are written in:
    for symbol in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1] {
      bits.append([18: 1, 2: 2, 1: 2][symbol] ?? 0, 3)
    }
    // 18 (a run of zeros, from 11) is 0, 1 is 10, 2 is 11. Lengths: 0 has 2, 256 (the end) has 2, 285 (258 bytes again) has 1, the
    // distance of one byte has 1.
    bits.append(0b11, 2)
    for run in [138, 117] { bits.appendRun(run) }
    bits.append(0b11, 2)
    bits.appendRun(28)
    for _ in 0..<2 { bits.append(0b01, 2) }
    // So 285 with its distance is 00, 0 is 10 and the end is 11, each from the left.
    let matches = (count - 1) / 258
    for _ in 0..<(1 + (count - 1) % 258) { bits.append(0b01, 2) }
    bits.appendZeros(2 * matches)
    bits.append(0b11, 2)
    // Adler's sums of `count` zeros.
    return [0x78, 0xda] + bits.bytes + big(UInt32(count % 65_521) << 16 | 1)
  }

  private static func big(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }

  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(UInt32.max) { sum, byte in table[Int((sum ^ UInt32(byte)) & 0xff)] ^ (sum >> 8) }
  }

  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xedb8_8320 ^ (value >> 1) : value >> 1 }
  }
}

/// Bits from the lowest of each byte on, as deflate has them.
private struct BitWriter {
  private(set) var bytes: [UInt8] = []
  private var used = 8

  mutating func append(_ value: Int, _ count: Int) {
    for bit in 0..<count {
      if used == 8 {
        bytes.append(0)
        used = 0
      }
      bytes[bytes.count - 1] |= UInt8(value >> bit & 1) << used
      used += 1
    }
  }

  /// A run of zero lengths.
  mutating func appendRun(_ count: Int) {
    append(0, 1)
    append(count - 11, 7)
  }

  mutating func appendZeros(_ count: Int) {
    let here = min(count, 8 - used)
    append(0, here)
    bytes += [UInt8](repeating: 0, count: (count - here) / 8)
    append(0, (count - here) % 8)
  }
}
