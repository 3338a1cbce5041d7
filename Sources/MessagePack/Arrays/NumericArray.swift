/// An array of numbers as numpy sends it: a kind of number, a shape, and the numbers, little-endian, last index fastest.
public struct NumericArray: Sendable, Hashable {
  /// The kinds of number that are read; raw values are numpy's names.
  public enum Element: String, Sendable, Hashable, CaseIterable {
    case bool = "|b1"
    case int8 = "|i1"
    case uint8 = "|u1"
    case int16 = "<i2"
    case uint16 = "<u2"
    case int32 = "<i4"
    case uint32 = "<u4"
    case int64 = "<i8"
    case uint64 = "<u8"
    case float16 = "<f2"
    case float32 = "<f4"
    case float64 = "<f8"

    /// Bytes of one number.
    public var size: Int {
      switch self {
      case .bool, .int8, .uint8: 1
      case .int16, .uint16, .float16: 2
      case .int32, .uint32, .float32: 4
      case .int64, .uint64, .float64: 8
      }
    }

    /// Whether the numbers are whole.
    public var isInteger: Bool {
      switch self {
      case .bool, .float16, .float32, .float64: false
      default: true
      }
    }
  }

  /// Dimensions that an array has at most.
  public static let maximumRank = 8

  /// The kind of its numbers.
  public let element: Element
  /// None of them negative; empty for a single number.
  public let shape: [Int]
  /// `shape`'s product times the element's size.
  public let bytes: ArraySlice<UInt8>

  /// How many numbers there are.
  public var count: Int { bytes.count / element.size }

  /// Checks that shape and bytes agree.
  ///
  /// - Throws: `.invalidShape`.
  public init(_ element: Element, shape: [Int], bytes: ArraySlice<UInt8>) throws(MessagePackError) {
    let expected = try Self.byteCount(element, shape)
    guard expected == bytes.count else {
      throw MessagePackError(
        .invalidShape, "",
        "\(shape) of \(element.rawValue) are \(expected) bytes, found \(bytes.count)")
    }
    self.element = element
    self.shape = shape
    self.bytes = bytes
  }

  /// Numbers of our own as 32-bit floats.
  ///
  /// - Parameter shape: as many as there are values; otherwise, a list of them.
  public init(_ values: [Float], shape: [Int]? = nil) throws(MessagePackError) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * 4)
    for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) } }
    try self.init(.float32, shape: shape ?? [values.count], bytes: bytes[...])
  }

  /// The bytes of an array of this shape, or why there is none; nothing is allocated.
  static func byteCount(_ element: Element, _ shape: [Int]) throws(MessagePackError) -> Int {
    guard shape.count <= maximumRank else {
      throw MessagePackError(.invalidShape, "shape", "\(shape.count) dimensions; at most \(maximumRank) are read")
    }
    var count = element.size
    for (index, size) in shape.enumerated() {
      let (product, overflows) = count.multipliedReportingOverflow(by: size)
      guard size >= 0, !overflows else {
        throw MessagePackError(.invalidShape, "shape[\(index)]", "a dimension of \(size) cannot be")
      }
      count = product
    }
    return count
  }

  /// All numbers in order, as doubles; truth values are 0 and 1. Whole numbers beyond 2⁵³ are rounded.
  public var doubles: [Double] {
    switch element {
    case .bool: bytes.map { $0 == 0 ? 0 : 1 }
    case .int8: bytes.map { Double(Int8(bitPattern: $0)) }
    case .uint8: bytes.map { Double($0) }
    case .int16: numbers(UInt16.self) { Double(Int16(bitPattern: $0)) }
    case .uint16: numbers(UInt16.self) { Double($0) }
    case .int32: numbers(UInt32.self) { Double(Int32(bitPattern: $0)) }
    case .uint32: numbers(UInt32.self) { Double($0) }
    case .int64: numbers(UInt64.self) { Double(Int64(bitPattern: $0)) }
    case .uint64: numbers(UInt64.self) { Double($0) }
    case .float16: numbers(UInt16.self) { Double(Float16(bitPattern: $0)) }
    case .float32: numbers(UInt32.self) { Double(Float(bitPattern: $0)) }
    case .float64: numbers(UInt64.self) { Double(bitPattern: $0) }
    }
  }

  private func numbers<Word: FixedWidthInteger>(_ type: Word.Type, _ convert: (Word) -> Double) -> [Double] {
    bytes.withUnsafeBytes { raw in
      (0..<raw.count / MemoryLayout<Word>.size).map { index in
        let word = raw.loadUnaligned(fromByteOffset: index * MemoryLayout<Word>.size, as: Word.self)
        return convert(Word(littleEndian: word))
      }
    }
  }
}

extension NumericArray.Element {
  /// Reads numpy's name of a kind of number.
  ///
  /// - Throws: `.unsupportedElement` with what to do instead.
  init(numpy name: String) throws(MessagePackError) {
    if let known = Self(rawValue: name) {
      self = known
      return
    }
    let advice: String =
      switch name.drop(while: { "<>|=".contains($0) }).first {
      case "O": "arrays of Python objects are never read; send numbers"
      case "V": "structured arrays are not read; send one array for each field"
      case "c": "complex numbers are not read; send real and imaginary parts"
      case "U", "S": "arrays of text are not read; send a list of text"
      case "M", "m": "times are not read; send a number"
      default:
        name.hasPrefix(">")
          ? "big-endian numbers are not read; send little-endian ones, such as array.astype('<f4')"
          : "expected one of \(Self.allCases.map(\.rawValue).joined(separator: " "))"
      }
    throw MessagePackError(.unsupportedElement, "", "\(quoted(name)): \(advice)")
  }
}
