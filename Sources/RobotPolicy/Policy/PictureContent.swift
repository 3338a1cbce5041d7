import Crypto
package import RobotInterface

/// What a picture shows, without what only says something about it: by this a camera that repeats itself is told from one that lives.
///
/// Of a JPEG file the comments, application segments and whatever follows its end are left out, of a PNG file all chunks but those that make
/// the picture, and whatever follows them. A driver that stamps a counter or the time into each copy of one picture changes only those.
/// Nothing is decoded: the cost is that of one pass and a hash.
package struct PictureContent: Hashable, Sendable {
  private let digest: SHA256Digest

  package init(_ frame: CameraFrame) {
    var hash = SHA256()
    let data = frame.data
    data.withUnsafeBytes { bytes in
      for range in Self.essential(bytes, frame.encoding) { hash.update(bufferPointer: .init(rebasing: bytes[range])) }
    }
    digest = hash.finalize()
  }

  private static func essential(_ bytes: UnsafeRawBufferPointer, _ encoding: CameraFrame.Encoding) -> [Range<Int>] {
    let parts: [Range<Int>]?
    switch encoding {
    case .jpeg: parts = jpeg(bytes)
    case .png: parts = png(bytes)
    default: parts = nil
    }
    return parts ?? [0..<bytes.count]
  }

  /// The segments that make the picture, up to the first end of image; `nil` where the bytes are no sequence of segments.
  private static func jpeg(_ bytes: UnsafeRawBufferPointer) -> [Range<Int>]? {
    var parts: [Range<Int>] = [], place = 0
    while place + 1 < bytes.count {
      guard bytes[place] == 0xFF else { return nil }
      let marker = bytes[place + 1]
      switch marker {
      case 0xFF: place += 1
      case 0x01, 0xD0...0xD8: place += 2
      case 0xD9: return parts
      default:
        guard place + 3 < bytes.count else { return nil }
        let end = place + 2 + Int(bytes[place + 2]) << 8 + Int(bytes[place + 3])
        guard end >= place + 4, end <= bytes.count else { return nil }
        let isComment = marker == 0xFE || (0xE0...0xEF).contains(marker)
        if !isComment { parts.append(place..<end) }
        guard marker == 0xDA else {
          place = end
          continue
        }
        // The compressed rows follow, up to the next marker that is none of theirs.
        var next = end
        while next + 1 < bytes.count,
          bytes[next] != 0xFF || bytes[next + 1] == 0 || (0xD0...0xD7).contains(bytes[next + 1])
        {
          next += 1
        }
        guard next + 1 < bytes.count else { return nil }
        parts.append(end..<next)
        place = next
      }
    }
    return nil
  }

  /// Header, palette, transparency and rows, up to the end; `nil` where the bytes are no sequence of chunks.
  private static func png(_ bytes: UnsafeRawBufferPointer) -> [Range<Int>]? {
    var parts: [Range<Int>] = [], place = 8
    while place + 12 <= bytes.count {
      let length = (0..<4).reduce(0) { $0 << 8 | Int(bytes[place + $1]) }
      let end = place + 12 + length
      guard end <= bytes.count else { return nil }
      switch String(decoding: bytes[(place + 4)..<(place + 8)], as: UTF8.self) {
      case "IHDR", "PLTE", "tRNS", "IDAT": parts.append((place + 4)..<(place + 8 + length))
      case "IEND": return parts
      default: break
      }
      place = end
    }
    return nil
  }
}
