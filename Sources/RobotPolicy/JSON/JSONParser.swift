/// Reads JSON (RFC 8259) into a tree with line numbers, which Foundation's parser does not keep.
package struct JSONParser {
  /// Policies are a few levels deep; the bound keeps recursion off the stack's end.
  private static let maximumDepth = 32

  private let bytes: [UInt8]
  private var position = 0
  private var line = 1

  private init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// Parses a whole document.
  ///
  /// - Parameters:
  ///   - bytes: UTF-8 text.
  ///   - name: what errors call the document, e.g. its file name.
  /// - Throws: ``PolicyError`` `.invalidSyntax` with the line; `.invalidValue` for a key that stands twice in an object.
  package static func parse(_ bytes: [UInt8], name: String) throws(PolicyError) -> JSONNode {
    var parser = JSONParser(bytes)
    do throws(Fault) {
      let node = try parser.value(depth: 0)
      parser.skipSpace()
      guard parser.position == bytes.count else { throw Fault("expected nothing more after the end of the value") }
      return node
    } catch {
      throw PolicyError(error.code, "\(name) (line \(parser.line))", error.message)
    }
  }

  private struct Fault: Error {
    var code = PolicyError.Code.invalidSyntax
    var message: String
    init(_ message: String, code: PolicyError.Code = .invalidSyntax) {
      self.message = message
      self.code = code
    }
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
      if byte == 0x0A { line += 1 }
      position += 1
    }
  }

  private mutating func take(_ byte: Character) -> Bool {
    guard next == byte.asciiValue else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws(Fault) -> JSONNode {
    guard depth < Self.maximumDepth else { throw Fault("expected at most \(Self.maximumDepth) levels of nesting") }
    skipSpace()
    let start = line
    guard let byte = next else { throw Fault("expected a value, found the end of the text") }
    switch UnicodeScalar(byte) {
    case "{": return JSONNode(.object(try members(depth: depth)), line: start)
    case "[": return JSONNode(.array(try elements(depth: depth)), line: start)
    case "\"": return JSONNode(.string(try string()), line: start)
    case "-", "0"..."9": return JSONNode(.number(try number()), line: start)
    default: return JSONNode(try literal(), line: start)
    }
  }

  private mutating func members(depth: Int) throws(Fault) -> [JSONNode.Member] {
    position += 1
    var members: [JSONNode.Member] = []
    var seen: Set<String> = []
    skipSpace()
    if take("}") { return members }
    while true {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw Fault("expected a key in double quotes") }
      let start = line
      let key = try string()
      guard seen.insert(key).inserted else { throw Fault("the key \"\(key)\" stands twice", code: .invalidValue) }
      skipSpace()
      guard take(":") else { throw Fault("expected ':' after the key \"\(key)\"") }
      members.append(JSONNode.Member(key: key, line: start, node: try value(depth: depth + 1)))
      skipSpace()
      if take(",") { continue }
      if take("}") { return members }
      throw Fault("expected ',' or '}' after the value of \"\(key)\"")
    }
  }

  private mutating func elements(depth: Int) throws(Fault) -> [JSONNode] {
    position += 1
    var elements: [JSONNode] = []
    skipSpace()
    if take("]") { return elements }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      if take(",") { continue }
      if take("]") { return elements }
      throw Fault("expected ',' or ']' in an array")
    }
  }

  private mutating func literal() throws(Fault) -> JSONNode.Value {
    let words: [(String, JSONNode.Value)] = [("true", .bool(true)), ("false", .bool(false)), ("null", .null)]
    for (word, value) in words where bytes[position...].starts(with: word.utf8) {
      position += word.utf8.count
      return value
    }
    throw Fault("expected a value: an object, an array, a string in double quotes, a number, true, false or null")
  }

  private mutating func digits() throws(Fault) {
    let start = position
    while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    guard position > start else { throw Fault("expected a digit in a number") }
  }

  private mutating func number() throws(Fault) -> Double {
    let start = position
    _ = take("-")
    if !take("0") { try digits() }
    if take(".") { try digits() }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      try digits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    guard let number = Double(text), number.isFinite else { throw Fault("expected a finite number, found \(text)") }
    return number
  }

  private mutating func string() throws(Fault) -> String {
    position += 1
    var content: [UInt8] = []
    while let byte = next {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: content, as: UTF8.self) else { throw Fault("expected UTF-8 text") }
        return text
      case UInt8(ascii: "\\"): try escape(into: &content)
      case 0..<0x20: throw Fault("expected an escape such as \\n for a control character in a string")
      default: content.append(byte)
      }
    }
    throw Fault("expected '\"' at the end of a string")
  }

  private mutating func escape(into content: inout [UInt8]) throws(Fault) {
    guard let byte = next else { throw Fault("expected an escape after '\\'") }
    position += 1
    let simple: [UInt8: UInt8] = [
      0x22: 0x22, 0x5C: 0x5C, 0x2F: 0x2F, 0x62: 0x08, 0x66: 0x0C, 0x6E: 0x0A, 0x72: 0x0D, 0x74: 0x09,
    ]
    if let plain = simple[byte] {
      content.append(plain)
      return
    }
    guard byte == UInt8(ascii: "u") else { throw Fault("expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u") }
    var code = UInt32(try codeUnit())
    if (0xD800..<0xDC00).contains(code), take("\\"), take("u") {
      let low = UInt32(try codeUnit())
      guard (0xDC00..<0xE000).contains(low) else { throw Fault("expected the second half of a surrogate pair") }
      code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = UnicodeScalar(code) else { throw Fault("expected a surrogate pair") }
    content.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
  }

  private mutating func codeUnit() throws(Fault) -> UInt16 {
    guard position + 4 <= bytes.count else { throw Fault("expected four hexadecimal digits after \\u") }
    let text = String(decoding: bytes[position..<position + 4], as: UTF8.self)
    // UInt16 takes a sign, JSON does not.
    guard text.allSatisfy(\.isHexDigit), let unit = UInt16(text, radix: 16) else {
      throw Fault("expected four hexadecimal digits after \\u")
    }
    position += 4
    return unit
  }
}
