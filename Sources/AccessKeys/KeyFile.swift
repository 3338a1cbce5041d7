import RobotInterface

/// A file of a key, in the format of ZeroMQ's certificates (ZPL, as czmq and pyzmq write it):
///
/// ```
/// metadata
///     name = "arm"
///     role = "robot"
///     token-sha256 = "…"
/// curve
///     public-key = "…"
/// ```
///
/// Other tools read ours, and leave alone what they do not know; a certificate of theirs becomes one of ours by a line `role = "robot"`.
struct KeyFile {
  /// Ends of the names.
  static let publicEnd = ".key", privateEnd = ".key_secret"

  private let path: String
  private var fields: [String: String] = [:]

  /// Fields that are looked at.
  enum Field: String, CaseIterable {
    case name, role, token
    /// Hex SHA-256 of the token.
    case tokenHash = "token-sha256"
    case daemonKey = "daemon-key"
    case publicKey = "public-key"
    case secretKey = "secret-key"

    fileprivate var isCurve: Bool { self == .publicKey || self == .secretKey }
  }

  /// Reads a file.
  ///
  /// - Throws: as ``GuardedFile/text(of:_:)``; `.malformed` for a field that is there twice.
  init(reading path: String, _ secrecy: GuardedFile.Secrecy) throws(RobotError) {
    self.path = path
    // A line end of another system is one as well.
    for line in try GuardedFile.text(of: path, secrecy).split(whereSeparator: \.isNewline) {
      let line = line.drop { $0 == " " || $0 == "\t" }
      guard !line.hasPrefix("#"), let equals = line.firstIndex(of: "=") else { continue }
      let name = Self.trimmed(line[..<equals])
      guard Field(rawValue: name) != nil else { continue }
      guard fields.updateValue(Self.value(line[line.index(after: equals)...]), forKey: name) == nil else {
        throw RobotError(.malformed, path, "\(name) is there twice")
      }
    }
  }

  private static func trimmed(_ text: Substring) -> String {
    let isSpace = { (character: Character) in character == " " || character == "\t" }
    var text = text.drop(while: isSpace)
    while let last = text.last, isSpace(last) { text.removeLast() }
    return String(text)
  }

  private static func value(_ text: Substring) -> String {
    let text = trimmed(text)
    guard text.count > 1, let quote = text.first, quote == text.last, quote == "\"" || quote == "'" else { return text }
    return String(text.dropFirst().dropLast())
  }

  subscript(field: Field) -> String? { fields[field.rawValue] }

  /// - Throws: `.malformed` when it is not there.
  func required(_ field: Field) throws(RobotError) -> String {
    guard let value = self[field] else { throw RobotError(.malformed, path, "\(field.rawValue) is missing") }
    return value
  }

  /// - Throws: `.malformed` when it is not there, or no key.
  func publicKey(_ field: Field = .publicKey) throws(RobotError) -> CurvePublicKey {
    guard let key = CurvePublicKey(text: try required(field)) else {
      throw RobotError(.malformed, path, "\(field.rawValue) is no key: expected 40 characters of Z85")
    }
    return key
  }

  /// The key pair of a private file.
  ///
  /// - Throws: `.malformed` when the keys are none, or do not belong together.
  func keyPair() throws(RobotError) -> CurveKeyPair {
    guard let pair = CurveKeyPair(secretText: try required(.secretKey)) else {
      throw RobotError(.malformed, path, "secret-key is no key: expected 40 characters of Z85")
    }
    guard try publicKey() == pair.publicKey else {
      throw RobotError(.malformed, path, "public-key does not belong to secret-key")
    }
    return pair
  }

  /// The text of a file.
  ///
  /// - Parameter comment: one line.
  static func text(_ comment: String, _ fields: KeyValuePairs<Field, String>) -> String {
    let lines = { (isCurve: Bool) in
      fields.filter { $0.key.isCurve == isCurve }.map { "    \($0.key.rawValue) = \"\($0.value)\"\n" }.joined()
    }
    return "#   \(comment)\nmetadata\n\(lines(false))curve\n\(lines(true))"
  }

  /// Whether a text can be a key's name, and so a file's.
  static func isName(_ text: String) -> Bool {
    let isFit = { (byte: UInt8) in
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || [0x2D, 0x2E, 0x5F].contains(byte)
    }
    return (1...64).contains(text.utf8.count) && text.utf8.allSatisfy(isFit) && !text.hasPrefix(".")
      && !text.hasPrefix("-")
  }
}
