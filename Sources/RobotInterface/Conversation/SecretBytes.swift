/// Bytes that nobody can guess: what a session's token is made of.
package enum SecretBytes {
  /// As many as make a token, and as the shortest that a daemon takes has.
  package static let count = 16

  /// New ones from the system's generator.
  package static func random() -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }
}
