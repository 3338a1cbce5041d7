import CSodium

/// The server's side of CURVE (ZeroMQ RFC 26) for one connection. No byte of a message is read before the client has proven its key, and each of
/// them is encrypted with keys that end with the connection.
struct CurveServer: Sendable {
  /// Who the server is, and whom it lets in.
  struct Setting: Sendable {
    var publicKey: [UInt8]
    var secret: CurveBox.Secret
    /// Whether the holder of a public key is let in. Called once, after the key was proven.
    var admits: @Sendable ([UInt8]) -> Bool
  }

  /// Bytes by which a message's frame is longer than what it carries.
  static let overhead = 8 + 8 + CurveBox.tagBytes + 1
  private static let helloBytes = 194, initiateBytes = 96 + 8 + CurveBox.tagBytes + 32 + 16 + 80

  /// Before the keys, which are made with it.
  private let isReady = CurveBox.isReady
  private let setting: Setting
  private let transient: (publicKey: [UInt8], secret: CurveBox.Secret)
  /// Which only this connection's client can give back; what it says is kept here.
  private let cookie: [UInt8]
  private var clientTransient: [UInt8] = []
  private var shared: CurveBox.Secret?
  private var theirNonce: UInt64 = 0
  private var ourNonce: UInt64 = 0

  init(_ setting: Setting) {
    self.setting = setting
    transient = CurveBox.pair()
    cookie = CurveBox.random(96)
  }

  /// - Parameter data: of HELLO.
  /// - Returns: the frame of WELCOME.
  mutating func welcome(_ data: ArraySlice<UInt8>) throws(ZMTPError) -> [UInt8] {
    guard isReady else { throw ZMTPError(.notAuthentic, "HELLO", "libsodium cannot be used on this machine") }
    let data = Array(data)
    guard data.count == Self.helloBytes, data[0] == 1 else {
      throw ZMTPError(.malformed, "HELLO", "expected version 1 and \(Self.helloBytes) bytes, found \(data.count)")
    }
    clientTransient = Array(data[74..<106])
    let nonce = Array(data[106..<114])
    try advance(nonce, "HELLO")
    let signature = CurveBox.open(
      data[114...], nonce: Self.nonce("CurveZMQHELLO---", nonce), from: clientTransient, to: setting.secret)
    guard let signature, signature.allSatisfy({ $0 == 0 }) else { throw Self.notAuthentic("HELLO") }
    let long = CurveBox.random(16)
    let box = CurveBox.seal(
      transient.publicKey + cookie, nonce: Self.nonce("WELCOME-", long), to: clientTransient, from: setting.secret)
    return Command.frame("WELCOME", long + box)
  }

  /// - Parameter data: of INITIATE.
  /// - Returns: the client's public key and the frame of READY.
  mutating func ready(_ data: ArraySlice<UInt8>) throws(ZMTPError) -> (key: [UInt8], frame: [UInt8]) {
    let data = Array(data)
    guard data.count >= Self.initiateBytes else {
      throw ZMTPError(.malformed, "INITIATE", "expected at least \(Self.initiateBytes) bytes, found \(data.count)")
    }
    guard CurveBox.areEqual(Array(data[..<96]), cookie) else { throw Self.notAuthentic("INITIATE") }
    let nonce = Array(data[96..<104])
    try advance(nonce, "INITIATE")
    let plain = CurveBox.open(
      data[104...], nonce: Self.nonce("CurveZMQINITIATE", nonce), from: clientTransient, to: transient.secret)
    guard let plain else { throw Self.notAuthentic("INITIATE") }
    let key = Array(plain[..<32])
    let vouch = CurveBox.open(
      plain[48..<128], nonce: Self.nonce("VOUCH---", Array(plain[32..<48])), from: key, to: transient.secret)
    // That the key's holder has made these keys for this server.
    guard let vouch, CurveBox.areEqual(vouch, clientTransient + setting.publicKey) else {
      throw Self.notAuthentic("INITIATE")
    }
    try Metadata.check(plain[128...], in: "INITIATE")
    guard let shared = CurveBox.shared(clientTransient, transient.secret) else { throw Self.notAuthentic("INITIATE") }
    guard setting.admits(key) else {
      throw ZMTPError(.unknownKey, "INITIATE", "nobody who is let in holds this key")
    }
    self.shared = shared
    let own = nextNonce()
    return (
      key,
      Command.frame(
        "READY", own + CurveBox.seal(Metadata.ofRouter, nonce: Self.nonce("CurveZMQREADY---", own), shared: shared))
    )
  }

  /// Opens the frame of a message or of a command.
  mutating func open(_ body: [UInt8]) throws(ZMTPError) -> Frame {
    let command = try Command(body)
    guard command.name == "MESSAGE", command.data.count > 8, let shared else {
      throw ZMTPError(.malformed, "MESSAGE", "expected an encrypted message, found \(body.count) bytes of another kind")
    }
    let nonce = Array(command.data.prefix(8))
    try advance(nonce, "MESSAGE")
    let plain = CurveBox.open(
      command.data.dropFirst(8), nonce: Self.nonce("CurveZMQMESSAGEC", nonce), shared: shared)
    guard let plain, let flags = plain.first else { throw Self.notAuthentic("MESSAGE") }
    guard flags & ~3 == 0, flags != 3 else {
      throw ZMTPError(.malformed, "MESSAGE", "expected flags of 0 to 2, found \(flags)")
    }
    return Frame(isCommand: flags & 2 != 0, hasMore: flags & 1 != 0, body: Array(plain.dropFirst()))
  }

  /// The frame of a part of a message, or of a command.
  mutating func seal(_ body: [UInt8], hasMore: Bool = false, isCommand: Bool = false) -> [UInt8] {
    guard let shared else { return [] }
    let nonce = nextNonce()
    let plain = [(hasMore ? 1 : 0) | (isCommand ? 2 : 0)] + body
    let box = CurveBox.seal(plain, nonce: Self.nonce("CurveZMQMESSAGES", nonce), shared: shared)
    return Frame.encode(Command.body("MESSAGE", nonce + box))
  }

  private static func nonce(_ prefix: String, _ rest: [UInt8]) -> [UInt8] { Array(prefix.utf8) + rest }

  private static func notAuthentic(_ subject: String) -> ZMTPError {
    ZMTPError(.notAuthentic, subject, "its box does not open; is it for another daemon's key?")
  }

  /// A nonce is used once, and they count up.
  private mutating func advance(_ nonce: [UInt8], _ subject: String) throws(ZMTPError) {
    let number = nonce.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard number > theirNonce else {
      throw ZMTPError(.notAuthentic, subject, "expected a nonce above \(theirNonce), found \(number)")
    }
    theirNonce = number
  }

  private mutating func nextNonce() -> [UInt8] {
    ourNonce += 1
    return bigEndian(ourNonce)
  }
}
