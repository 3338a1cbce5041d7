import CSodium

/// The boxes of CURVE: X25519, XSalsa20 and Poly1305 by libsodium.
enum CurveBox {
  static let keyBytes = Int(crypto_box_PUBLICKEYBYTES)
  static let nonceBytes = Int(crypto_box_NONCEBYTES)
  static let tagBytes = Int(crypto_box_MACBYTES)
  /// Whether libsodium can be used from several threads, with its fastest code; asked once, before anything else of it.
  static let isReady = sodium_init() >= 0

  /// Bytes of a secret, wiped when nobody holds it any more.
  final class Secret: Sendable {
    private nonisolated(unsafe) let bytes: UnsafeMutablePointer<UInt8>

    /// - Parameter fill: writes 32 bytes.
    init(_ fill: (UnsafeMutablePointer<UInt8>) -> Void) {
      bytes = .allocate(capacity: CurveBox.keyBytes)
      bytes.initialize(repeating: 0, count: CurveBox.keyBytes)
      fill(bytes)
    }

    /// - Parameter secret: its first 32 bytes.
    convenience init(_ secret: [UInt8]) {
      self.init { target in for (place, byte) in secret.prefix(CurveBox.keyBytes).enumerated() { target[place] = byte }
      }
    }

    deinit {
      sodium_memzero(bytes, CurveBox.keyBytes)
      bytes.deallocate()
    }

    func use<Result>(_ body: (UnsafePointer<UInt8>) -> Result) -> Result { body(bytes) }
  }

  /// A key pair for one connection.
  static func pair() -> (publicKey: [UInt8], secret: Secret) {
    var publicKey = [UInt8](repeating: 0, count: keyBytes)
    let secret = Secret { secret in _ = crypto_box_keypair(&publicKey, secret) }
    return (publicKey, secret)
  }

  static func random(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    randombytes_buf(&bytes, count)
    return bytes
  }

  static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    a.count == b.count && sodium_memcmp(a, b, a.count) == 0
  }

  static func seal(_ plain: [UInt8], nonce: [UInt8], to key: [UInt8], from secret: Secret) -> [UInt8] {
    var box = [UInt8](repeating: 0, count: plain.count + tagBytes)
    _ = secret.use { crypto_box_easy(&box, plain, UInt64(plain.count), nonce, key, $0) }
    return box
  }

  /// - Returns: `nil` for a box that is not from the holder of `key`, or was changed.
  static func open(_ box: ArraySlice<UInt8>, nonce: [UInt8], from key: [UInt8], to secret: Secret) -> [UInt8]? {
    guard box.count >= tagBytes else { return nil }
    var plain = [UInt8](repeating: 0, count: box.count - tagBytes)
    let failed = box.withUnsafeBufferPointer { box -> Int32 in
      guard let start = box.baseAddress else { return -1 }
      return secret.use { crypto_box_open_easy(&plain, start, UInt64(box.count), nonce, key, $0) }
    }
    return failed == 0 ? plain : nil
  }

  /// What two keys share, computed once for all messages; `nil` for a key with which nothing can be kept secret.
  static func shared(_ key: [UInt8], _ secret: Secret) -> Secret? {
    var failed: Int32 = 0
    let shared = Secret { target in failed = secret.use { crypto_box_beforenm(target, key, $0) } }
    return failed == 0 ? shared : nil
  }

  static func seal(_ plain: [UInt8], nonce: [UInt8], shared: Secret) -> [UInt8] {
    var box = [UInt8](repeating: 0, count: plain.count + tagBytes)
    _ = shared.use { crypto_box_easy_afternm(&box, plain, UInt64(plain.count), nonce, $0) }
    return box
  }

  static func open(_ box: ArraySlice<UInt8>, nonce: [UInt8], shared: Secret) -> [UInt8]? {
    guard box.count >= tagBytes else { return nil }
    var plain = [UInt8](repeating: 0, count: box.count - tagBytes)
    let failed = box.withUnsafeBufferPointer { box -> Int32 in
      guard let start = box.baseAddress else { return -1 }
      return shared.use { crypto_box_open_easy_afternm(&plain, start, UInt64(box.count), nonce, $0) }
    }
    return failed == 0 ? plain : nil
  }
}
