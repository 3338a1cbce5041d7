/// A picture as clients send it: pixels of numpy, or a file.
public enum WireImage: Sendable, Hashable {
  /// Red, green, blue; top row first; `width · height · 3` bytes.
  case pixels(width: Int, height: Int, ArraySlice<UInt8>)
  case jpeg(ArraySlice<UInt8>)
  case png(ArraySlice<UInt8>)
}

extension WireImage {
  /// Reads an array of numpy or the bytes of a JPEG or PNG file.
  ///
  /// - Throws: `.invalidImage`, or what reading an array throws.
  public init(_ value: MessagePackValue) throws(MessagePackError) {
    switch value {
    case .binary(let bytes): try self.init(file: bytes)
    case .map(let map): try self.init(NumericArray(map))
    default:
      throw MessagePackError(.invalidImage, "", "expected an array [height, width, 3] or a file, found \(value.kind)")
    }
  }

  /// Tells a JPEG from a PNG file by its first bytes; what follows is not looked at.
  ///
  /// - Throws: `.invalidImage` for anything else.
  public init(file bytes: ArraySlice<UInt8>) throws(MessagePackError) {
    if bytes.starts(with: [0xff, 0xd8, 0xff]) {
      self = .jpeg(bytes)
    } else if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) {
      self = .png(bytes)
    } else {
      throw MessagePackError(.invalidImage, "", "the bytes are neither a JPEG nor a PNG file")
    }
  }

  /// Reads `[height, width, 3]`, or `[3, height, width]` as torch has it, with leading dimensions of one left away: bytes, or floats from
  /// 0 to 1, which are scaled as openpi's policies do it.
  ///
  /// - Throws: `.invalidImage`.
  public init(_ array: NumericArray) throws(MessagePackError) {
    func failure(_ message: String) -> MessagePackError { MessagePackError(.invalidImage, "", message) }
    var shape = array.shape
    while shape.count > 3, shape.first == 1 { shape.removeFirst() }
    guard shape.count == 3, shape[0] > 0, shape[1] > 0, shape[2] > 0, shape[0] == 3 || shape[2] == 3 else {
      throw failure("expected [height, width, 3] or [3, height, width], found \(array.shape)")
    }
    let pixels = try Self.bytes(array)
    if shape[2] == 3 {
      self = .pixels(width: shape[1], height: shape[0], pixels)
    } else {
      self = .pixels(width: shape[2], height: shape[1], Self.interleave(pixels)[...])
    }
  }

  private static func bytes(_ array: NumericArray) throws(MessagePackError) -> ArraySlice<UInt8> {
    switch array.element {
    case .uint8: return array.bytes
    case .float16, .float32, .float64:
      let numbers = array.doubles
      guard numbers.allSatisfy({ (0...1).contains($0) }) else {
        throw MessagePackError(.invalidImage, "", "a picture of floats goes from 0 to 1; this one has other numbers")
      }
      return numbers.map { UInt8(255 * $0) }[...]
    default:
      throw MessagePackError(
        .invalidImage, "", "expected bytes (|u1) or floats from 0 to 1, found \(array.element.rawValue)")
    }
  }

  /// From three planes to pixels.
  private static func interleave(_ planes: ArraySlice<UInt8>) -> [UInt8] {
    let count = planes.count / 3, start = planes.startIndex
    var pixels: [UInt8] = []
    pixels.reserveCapacity(planes.count)
    for index in start..<start + count {
      pixels.append(planes[index])
      pixels.append(planes[index + count])
      pixels.append(planes[index + 2 * count])
    }
    return pixels
  }
}
