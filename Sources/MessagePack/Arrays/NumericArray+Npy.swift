extension NumericArray {
  /// Bytes of a header, as numpy itself limits them.
  static let maximumNpyHeader = 10_000

  /// Reads a file of `numpy.save`, versions 1 to 3. Fortran's order is turned into ours.
  ///
  /// - Throws: `.unsupportedElement`, `.invalidShape`, `.wrongType` for bytes that are no such file.
  public init(npy bytes: ArraySlice<UInt8>) throws(MessagePackError) {
    func failure(_ message: String) -> MessagePackError { MessagePackError(.wrongType, "", message) }
    var rest = bytes
    guard rest.starts(with: [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]), rest.count >= 10 else {
      throw failure("expected a file of numpy.save")
    }
    let version = rest[rest.startIndex + 6]
    rest = rest.dropFirst(8)
    guard (1...3).contains(version) else {
      throw failure("version \(version) of numpy.save is not known; expected 1 to 3")
    }
    let lengthBytes = version == 1 ? 2 : 4
    let length = rest.prefix(lengthBytes).reversed().reduce(0) { $0 << 8 | Int($1) }
    rest = rest.dropFirst(lengthBytes)
    guard length <= Self.maximumNpyHeader, length <= rest.count else {
      throw failure("a header of \(length) bytes; at most \(Self.maximumNpyHeader), and all of them there")
    }
    let header = try NpyHeader(rest.prefix(length))
    let element = try Element(numpy: header.element)
    let data = rest.dropFirst(length)
    let array = try NumericArray(element, shape: header.shape, bytes: data)
    self = header.isFortran ? try array.fromFortran() : array
  }

  /// A file as `numpy.save` writes it.
  var npy: [UInt8] {
    let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var header = "{'descr': '\(element.rawValue)', 'fortran_order': False, 'shape': (\(sizes)), }"
    // The numbers begin at a multiple of 64; the header ends with a line feed.
    let total = (10 + header.utf8.count + 1 + 63) / 64 * 64
    header += String(repeating: " ", count: total - 10 - header.utf8.count - 1) + "\n"
    let length = header.utf8.count
    return [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, UInt8(length & 0xff), UInt8(length >> 8)] + Array(header.utf8)
      + bytes
  }

  /// The same numbers, of which the first index was fastest.
  private func fromFortran() throws(MessagePackError) -> NumericArray {
    guard shape.count > 1, !bytes.isEmpty else { return self }
    var strides: [Int] = []
    var stride = element.size
    for size in shape {
      strides.append(stride)
      stride *= size
    }
    var index = [Int](repeating: 0, count: shape.count)
    var offset = bytes.startIndex
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    for _ in 0..<count {
      result.append(contentsOf: bytes[offset..<offset + element.size])
      var axis = shape.count - 1
      while axis >= 0 {
        index[axis] += 1
        offset += strides[axis]
        if index[axis] < shape[axis] { break }
        offset -= strides[axis] * shape[axis]
        index[axis] = 0
        axis -= 1
      }
    }
    return try NumericArray(element, shape: shape, bytes: result[...])
  }
}

/// The literal of a Python dictionary that numpy writes: three keys, in any order, and nothing else.
private struct NpyHeader {
  var element = ""
  var isFortran = false
  var shape: [Int] = []

  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) throws(MessagePackError) {
    rest = bytes
    var seen: Set<String> = []
    try expect("{")
    while !take("}") {
      let key = try text()
      try expect(":")
      guard seen.insert(key).inserted else { throw Self.failure("the header names \(quoted(key)) twice") }
      switch key {
      case "descr": element = try elementName()
      case "fortran_order": isFortran = try truth()
      case "shape": shape = try sizes()
      default: throw Self.failure("the header has an unknown key \(quoted(key))")
      }
      guard take(",") else {
        try expect("}")
        break
      }
    }
    skipSpace()
    guard rest.isEmpty, seen.count == 3 else {
      throw Self.failure("the header needs descr, fortran_order and shape, and nothing else")
    }
  }

  private static func failure(_ message: String) -> MessagePackError { MessagePackError(.wrongType, "", message) }

  private mutating func skipSpace() { rest = rest.drop { $0 == 0x20 || $0 == 0x0a } }

  /// Takes `word` if it comes next.
  private mutating func take(_ word: String) -> Bool {
    skipSpace()
    guard rest.starts(with: word.utf8) else { return false }
    rest = rest.dropFirst(word.utf8.count)
    return true
  }

  private mutating func expect(_ word: String) throws(MessagePackError) {
    guard take(word) else { throw Self.failure("the header is not what numpy writes; expected \(word)") }
  }

  private mutating func text() throws(MessagePackError) -> String {
    for quote in ["'", "\""] where take(quote) {
      let inside = rest.prefix { $0 != quote.utf8.first }
      rest = rest.dropFirst(inside.count)
      try expect(quote)
      return String(decoding: inside, as: UTF8.self)
    }
    throw Self.failure("the header is not what numpy writes; expected a name in quotes")
  }

  private mutating func elementName() throws(MessagePackError) -> String {
    skipSpace()
    if rest.first == UInt8(ascii: "[") { _ = try NumericArray.Element(numpy: "V") }
    return try text()
  }

  private mutating func truth() throws(MessagePackError) -> Bool {
    if take("True") { return true }
    try expect("False")
    return false
  }

  private mutating func sizes() throws(MessagePackError) -> [Int] {
    try expect("(")
    var sizes: [Int] = []
    while !take(")") {
      skipSpace()
      let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      rest = rest.dropFirst(digits.count)
      guard let size = Int(String(decoding: digits, as: UTF8.self)), sizes.count < NumericArray.maximumRank else {
        throw Self.failure("the header's shape is not a tuple of at most \(NumericArray.maximumRank) sizes")
      }
      sizes.append(size)
      guard take(",") else {
        try expect(")")
        break
      }
    }
    return sizes
  }
}
