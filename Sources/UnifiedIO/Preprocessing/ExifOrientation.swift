/// How a camera was held: what has to be done to a stored picture for it to stand upright (EXIF tag 0x0112).
enum ExifOrientation: UInt16 {
  case upright = 1
  case mirrored = 2
  case upsideDown = 3
  case mirroredUpsideDown = 4
  /// Mirrored along the diagonal from top left.
  case transposed = 5
  /// To be turned clockwise by a quarter.
  case quarterClockwise = 6
  /// Mirrored along the other diagonal.
  case transverse = 7
  /// To be turned anticlockwise by a quarter.
  case quarterAnticlockwise = 8

  /// Whether width and height change places.
  var swapsSides: Bool { rawValue >= 5 }

  /// Reads the tag of a JPEG or PNG file; `.upright` when there is none, or no sense in it.
  ///
  /// - Complexity: O(segments or chunks of the file).
  init(of file: [UInt8]) {
    let tiff = Self.exifSegment(ofJPEG: file) ?? Self.exifChunk(ofPNG: file)
    self = tiff.flatMap(Self.orientation(inTIFF:)) ?? .upright
  }

  /// The TIFF structure in the APP1 segment before the first scan.
  private static func exifSegment(ofJPEG bytes: [UInt8]) -> ArraySlice<UInt8>? {
    guard bytes.starts(with: [0xff, 0xd8]) else { return nil }
    var position = 2
    // Bytes between two segments are passed over, as the decoder does.
    while let start = bytes[position...].firstIndex(of: 0xff), start + 4 <= bytes.count {
      let marker = bytes[start + 1]
      if [0x00, 0x01, 0xff].contains(marker) || (0xd0...0xd8).contains(marker) {  // No segment follows.
        position = start + (marker == 0xff ? 1 : 2)
        continue
      }
      guard marker != 0xda, marker != 0xd9 else { return nil }
      let length = Int(bytes[start + 2]) << 8 | Int(bytes[start + 3])
      let end = start + 2 + length
      guard length >= 2, end <= bytes.count else { return nil }
      let segment = bytes[(start + 4)..<end]
      if marker == 0xe1, segment.starts(with: Array("Exif\0\0".utf8)) { return segment.dropFirst(6) }
      position = end
    }
    return nil
  }

  /// The TIFF structure in the eXIf chunk, which may stand before or behind the pixels.
  private static func exifChunk(ofPNG bytes: [UInt8]) -> ArraySlice<UInt8>? {
    guard bytes.starts(with: [0x89, 0x50, 0x4e, 0x47]) else { return nil }
    var position = 8
    while position + 12 <= bytes.count {
      let length = bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
      guard length <= bytes.count - position - 12 else { return nil }
      let kind = bytes[position + 4..<position + 8]
      if kind.elementsEqual("eXIf".utf8) { return bytes[position + 8..<position + 8 + length] }
      if kind.elementsEqual("IEND".utf8) { return nil }
      position += 12 + length
    }
    return nil
  }

  private static func orientation(inTIFF tiff: ArraySlice<UInt8>) -> ExifOrientation? {
    let isLittleEndian: Bool
    if tiff.starts(with: Array("II*\0".utf8)) {
      isLittleEndian = true
    } else if tiff.starts(with: Array("MM\0*".utf8)) {
      isLittleEndian = false
    } else {
      return nil
    }
    func number(at offset: Int, byteCount: Int) -> Int? {
      guard offset >= 0, offset <= tiff.count - byteCount else { return nil }
      let bytes = tiff.dropFirst(offset).prefix(byteCount)
      return (isLittleEndian ? Array(bytes.reversed()) : Array(bytes)).reduce(0) { $0 << 8 | Int($1) }
    }
    guard let directory = number(at: 4, byteCount: 4), let entries = number(at: directory, byteCount: 2) else {
      return nil
    }
    for entry in 0..<entries {
      let start = directory + 2 + 12 * entry
      guard let tag = number(at: start, byteCount: 2) else { return nil }
      // Type 3 is a 16-bit number, kept in the entry itself.
      if tag == 0x0112, number(at: start + 2, byteCount: 2) == 3, let value = number(at: start + 8, byteCount: 2) {
        return UInt16(exactly: value).flatMap(ExifOrientation.init(rawValue:))
      }
    }
    return nil
  }
}

extension Image {
  /// The picture as it looks to a viewer.
  func upright(_ orientation: ExifOrientation) -> Image {
    guard orientation != .upright else { return self }
    let outWidth = orientation.swapsSides ? height : width
    let outHeight = orientation.swapsSides ? width : height
    var turned: [UInt8] = []
    turned.reserveCapacity(pixels.count)
    for y in 0..<outHeight {
      for x in 0..<outWidth {
        let (fromX, fromY) =
          switch orientation {
          case .upright: (x, y)
          case .mirrored: (width - 1 - x, y)
          case .upsideDown: (width - 1 - x, height - 1 - y)
          case .mirroredUpsideDown: (x, height - 1 - y)
          case .transposed: (y, x)
          case .quarterClockwise: (y, height - 1 - x)
          case .transverse: (width - 1 - y, height - 1 - x)
          case .quarterAnticlockwise: (width - 1 - y, x)
          }
        let start = (fromY * width + fromX) * 3
        turned.append(pixels[start])
        turned.append(pixels[start + 1])
        turned.append(pixels[start + 2])
      }
    }
    return Image(checkedWidth: outWidth, height: outHeight, pixels: turned)
  }
}
