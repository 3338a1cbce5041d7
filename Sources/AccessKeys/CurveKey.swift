import CZeroMQ
public import RobotInterface

/// A public key of CURVE (ZeroMQ RFC 26) in the text form of ZeroMQ's certificates: 40 characters of Z85 (RFC 32).
public struct CurvePublicKey: Sendable, Hashable, CustomStringConvertible {
  /// Bytes of a key.
  public static let byteCount = 32
  static let textCount = 40

  /// 40 characters.
  public let text: String
  /// 32 bytes.
  public let bytes: [UInt8]

  /// - Parameter bytes: 32 of them; `nil` where there are more or fewer.
  public init?(bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    self.bytes = bytes
    text = Z85.text(bytes)
  }

  /// - Parameter text: 40 characters of Z85; `nil` for anything else.
  public init?(text: String) {
    guard text.utf8.count == Self.textCount, let bytes = Z85.bytes(text) else { return nil }
    (self.text, self.bytes) = (text, bytes)
  }

  /// The key's text.
  public var description: String { text }
}

/// A key pair of CURVE. The secret shows in no text.
public struct CurveKeyPair: Sendable, CustomStringConvertible, CustomReflectable {
  /// For everybody.
  public let publicKey: CurvePublicKey
  /// 32 bytes.
  public let secret: [UInt8]

  /// A new pair.
  ///
  /// - Throws: `.unsupported` when libzmq was built without encryption.
  public init() throws(RobotError) {
    try Self.requireCurve()
    var open = [CChar](repeating: 0, count: CurvePublicKey.textCount + 1)
    var hidden = open
    guard zmq_curve_keypair(&open, &hidden) == 0, let key = CurvePublicKey(text: Z85.string(open)),
      let secret = Z85.bytes(Z85.string(hidden))
    else {
      throw RobotError(.internal, "CURVE", "libzmq made no key pair: \(String(cString: zmq_strerror(zmq_errno())))")
    }
    (publicKey, self.secret) = (key, secret)
  }

  /// The pair of a secret.
  ///
  /// - Parameter secretText: 40 characters of Z85.
  /// - Returns: `nil` for anything else, and where libzmq cannot encrypt.
  public init?(secretText: String) {
    guard secretText.utf8.count == CurvePublicKey.textCount, let secret = Z85.bytes(secretText) else { return nil }
    var open = [CChar](repeating: 0, count: CurvePublicKey.textCount + 1)
    guard zmq_curve_public(&open, secretText) == 0, let key = CurvePublicKey(text: Z85.string(open)) else { return nil }
    (publicKey, self.secret) = (key, secret)
  }

  var secretText: String { Z85.text(secret) }

  /// Says that there is a secret, not which.
  public var description: String { "CurveKeyPair(\(publicKey))" }
  /// Without children, for the same reason.
  public var customMirror: Mirror { Mirror(self, children: [:]) }

  /// - Throws: `.unsupported` when libzmq was built without encryption.
  static func requireCurve() throws(RobotError) {
    guard zmq_has("curve") == 1 else {
      throw RobotError(
        .unsupported, "CURVE",
        "this machine's libzmq was built without encryption; install one with libsodium (Debian's)")
    }
  }
}

/// Bytes as text by ZeroMQ's RFC 32: five characters for four bytes.
enum Z85 {
  private static let characters = Array(
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#".utf8)
  private static let values: [UInt8: UInt32] = Dictionary(
    uniqueKeysWithValues: zip(characters, (0..<UInt32(characters.count))))

  /// - Parameter bytes: a multiple of four.
  static func text(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count - bytes.count % 4, by: 4) {
      let number = bytes[start..<start + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      for divisor in [UInt32(52_200_625), 614_125, 7_225, 85, 1] { text.append(characters[Int(number / divisor % 85)]) }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// - Returns: `nil` when it is no such text.
  static func bytes(_ text: String) -> [UInt8]? {
    let text = Array(text.utf8)
    guard text.count % 5 == 0 else { return nil }
    var bytes: [UInt8] = []
    for start in stride(from: 0, to: text.count, by: 5) {
      var number: UInt32 = 0
      for character in text[start..<start + 5] {
        guard let value = values[character] else { return nil }
        let (product, isHuge) = number.multipliedReportingOverflow(by: 85)
        let (sum, isHugeSum) = product.addingReportingOverflow(value)
        guard !isHuge, !isHugeSum else { return nil }
        number = sum
      }
      for shift in [UInt32(24), 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }
    return bytes
  }

  /// The characters before the first NUL.
  static func string(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
