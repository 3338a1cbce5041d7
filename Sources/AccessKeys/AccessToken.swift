import Crypto

/// A secret for wires without CURVE: 64 hexadecimal digits in an HTTP header. A daemon keeps its SHA-256 only; so random a text needs no salt.
enum AccessToken {
  private static let byteCount = 32
  private static let digits = Array("0123456789abcdef".utf8)

  static func random() -> String {
    var generator = SystemRandomNumberGenerator()
    return hexadecimal((0..<byteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
  }

  /// Hex SHA-256 of a token.
  static func hash(_ token: String) -> String {
    var hash = SHA256()
    hash.update(data: Array(token.utf8))
    return hexadecimal(Array(hash.finalize()))
  }

  /// Whether a text can be such a hash.
  static func isHash(_ text: String) -> Bool { text.utf8.count == 64 && text.utf8.allSatisfy(digits.contains) }

  private static func hexadecimal(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
