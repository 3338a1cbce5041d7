import Crypto

/// SHA-256 of bytes that arrive in pieces.
package struct FileDigest {
  private var hash = SHA256()

  /// Of no bytes yet.
  package init() {}

  /// Appends bytes.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) { hash.update(bufferPointer: bytes) }

  /// 64 lower-case hexadecimal digits.
  package func hex() -> String {
    let digits = Array("0123456789abcdef")
    return String(hash.finalize().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }

  /// Of files: of the lines that `sha256sum` prints for them, in the order of their paths' bytes.
  static func of(_ files: [BundleFile]) -> String {
    var hash = FileDigest()
    for file in files.sorted(by: { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }) {
      Array("\(file.digest)  \(file.path)\n".utf8).withUnsafeBytes { hash.update($0) }
    }
    return hash.hex()
  }
}
