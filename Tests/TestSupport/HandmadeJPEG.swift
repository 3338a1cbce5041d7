/// Progressive JPEG files of grey pixels: a few bytes for each pass over the picture.
public enum HandmadeJPEG {
  /// - Parameter scans: passes over the picture, 1...127.
  public static func progressive(width: Int, height: Int, scans: Int) -> [UInt8] {
    let blocks = ((width + 7) / 8) * ((height + 7) / 8)
    var file: [UInt8] = [0xff, 0xd8]
    file += segment(0xdb, [0] + [UInt8](repeating: 1, count: 64))
    file += segment(0xc2, [8] + big(height) + big(width) + [1, 1, 0x11, 0])
    // One code of one bit, 0, in each table: no difference, and 16,384 blocks without coefficients.
    for (table, symbol) in [(UInt8(0x00), UInt8(0x00)), (0x10, 0xe0)] {
      file += segment(0xc4, [table, 1] + [UInt8](repeating: 0, count: 15) + [symbol])
    }
    file += segment(0xda, [1, 1, 0, 0, 0, 0]) + [UInt8](repeating: 0, count: (blocks + 7) / 8)
    for scan in 0..<(scans - 1) {
      // Each coefficient twice: without its last bit, then the last bit.
      let coefficient = UInt8(1 + scan % 63), bits: UInt8 = scan < 63 ? 0x01 : 0x10
      file += segment(0xda, [1, 1, 0, coefficient, coefficient, bits])
      file += [UInt8](repeating: 0, count: ((blocks + 16_383) / 16_384 * 15 + 7) / 8)
    }
    return file + [0xff, 0xd9]
  }

  private static func segment(_ marker: UInt8, _ contents: [UInt8]) -> [UInt8] {
    [0xff, marker] + big(contents.count + 2) + contents
  }

  private static func big(_ value: Int) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xff)] }
}
