/// The server's end of one ZMTP 3.1 connection (ZeroMQ RFC 37), for clients that ask: DEALER and REQ sockets of libzmq and its kin. A value: bytes go in and
/// come out, and it knows no socket and no time.
///
/// ```swift
/// var connection = ZMTPConnection(.null, limits)
/// write(connection.takeOutput())                      // the greeting
/// connection.take(bytes)                               // whatever has come
/// while let event = try connection.next() { … }        // then what it means
/// write(connection.takeOutput())
/// ```
///
/// What has come is read when ``next()`` asks, so who does not ask keeps no more than what it has taken. After an error the connection has to
/// end: nothing that follows can be told apart.
public struct ZMTPConnection: Sendable {
  /// What one connection may cost.
  public struct Limits: Sendable, Hashable {
    /// Bytes of a message that is handed on.
    public var messageBytes: Int
    /// Bytes of a message that is still read, so that it can be answered; a larger one is an error before its body has come.
    public var hardBytes: Int
    /// Bytes of a command before the peer is let in, and after that.
    public var commandBytes = 2048
    /// Of a message that is too large, how much of the beginning is handed on.
    public var beginningBytes = 1024

    /// Collects the parts.
    public init(messageBytes: Int, hardBytes: Int) {
      self.messageBytes = messageBytes
      self.hardBytes = max(messageBytes, hardBytes)
    }
  }

  /// Who is let in, and whether what is said can be read on the way.
  public struct Security: Sendable {
    let curve: CurveServer.Setting?

    /// Anybody, in plain.
    public static let null = Security(curve: nil)

    /// Holders of keys, encrypted (CURVE, ZeroMQ RFC 26).
    ///
    /// - Parameters:
    ///   - publicKey: the server's, 32 bytes.
    ///   - secret: the server's, 32 bytes.
    ///   - admits: whether the holder of a public key is let in, once that was proven.
    public static func curve(
      publicKey: [UInt8], secret: [UInt8], admits: @escaping @Sendable ([UInt8]) -> Bool
    ) -> Security {
      Security(curve: .init(publicKey: publicKey, secret: .init(secret), admits: admits))
    }
  }

  /// What a message is.
  public enum Content: Sendable, Hashable {
    /// One frame of acceptable size.
    case whole([UInt8])
    /// One frame of `bytes` bytes, with its beginning.
    case tooLarge(beginning: [UInt8], bytes: Int)
    /// Not one frame.
    case severalFrames
  }

  /// What has happened.
  public enum Event: Sendable, Hashable {
    /// The peer is let in; `key`: its public key, 32 bytes, where there are keys.
    case ready(key: [UInt8]?)
    /// A message, and whether an empty frame came before it, as a REQ socket sends and expects.
    case message(Content, hasDelimiter: Bool)
  }

  private enum Phase {
    case greeting, hello, initiate, null, open, failed
  }

  /// Frames of a message: a delimiter, a request, and one more that makes it no request.
  private static let maximumFrames = 3
  private static let greetingBytes = 64

  private let limits: Limits
  private var phase = Phase.greeting
  private var curve: CurveServer?
  private var reader = Frame.Reader()
  private var output: [UInt8] = []
  /// Of the message that is under way.
  private var frames: [[UInt8]] = []
  private var messageBytes = 0

  /// A connection that has just been made.
  public init(_ security: Security, _ limits: Limits) {
    self.limits = limits
    curve = security.curve.map { CurveServer($0) }
    output = greeting
  }

  /// Bytes that are kept: what has come and was not read, and frames of a message that has not ended.
  public var bufferedBytes: Int { reader.count + messageBytes }

  /// Whether a message has begun and not ended, or nobody is let in yet.
  public var isPending: Bool { phase != .open || reader.count > 0 || !frames.isEmpty }

  /// Whether the peer is let in.
  public var isOpen: Bool { phase == .open }

  /// Takes what has come.
  public mutating func take(_ bytes: some Collection<UInt8>) { reader.take(bytes) }

  /// What is to be sent, each byte once.
  public mutating func takeOutput() -> [UInt8] {
    defer { output = [] }
    return output
  }

  /// Sends a message, once the peer is let in.
  public mutating func send(_ payload: [UInt8], hasDelimiter: Bool) {
    guard phase == .open else { return }
    if hasDelimiter { seal([], hasMore: true) }
    seal(payload)
  }

  /// What has come means, if it means something already.
  ///
  /// - Throws: why the connection has to end, after what is to be sent was sent.
  public mutating func next() throws(ZMTPError) -> Event? {
    do throws(ZMTPError) {
      while true {
        switch phase {
        case .failed: return nil
        case .greeting:
          guard try readGreeting() else { return nil }
        case .hello, .initiate, .null:
          guard let frame = try reader.next(message: 0, command: limits.commandBytes) else { return nil }
          guard frame.isCommand else { throw ZMTPError(.malformed, "handshake", "expected a command, found a message") }
          if let event = try handshake(Command(frame.body)) { return event }
        case .open:
          // With keys even a message may come as a command, because RFC 26 calls it one; libzmq sends it as a message.
          let whole = limits.hardBytes + (curve == nil ? 0 : CurveServer.overhead)
          let command = curve == nil ? limits.commandBytes : whole
          guard let outer = try reader.next(message: whole, command: command) else { return nil }
          if let event = try read(outer) { return event }
        }
      }
    } catch {
      phase = .failed
      frames = []
      throw error
    }
  }

  // MARK: Handshake

  private var greeting: [UInt8] {
    let name = Array((curve == nil ? "NULL" : "CURVE").utf8)
    let mechanism = name + [UInt8](repeating: 0, count: 20 - name.count)
    return [0xFF] + [UInt8](repeating: 0, count: 8) + [0x7F, 3, 1] + mechanism + [curve == nil ? 0 : 1]
      + [UInt8](repeating: 0, count: 31)
  }

  /// - Returns: whether it is here.
  private mutating func readGreeting() throws(ZMTPError) -> Bool {
    // Who speaks something else is told so by the first byte, and by the first ten.
    if let first = reader.bytes(1)?.first, first != 0xFF { throw Self.notZMTP }
    if let signature = reader.bytes(10), signature.last.map({ $0 & 1 == 0 }) ?? true { throw Self.notZMTP }
    if let version = reader.bytes(11)?.last, version < 3 {
      throw ZMTPError(.unsupportedVersion, "greeting", "expected version 3, found \(version)")
    }
    guard let greeting = reader.bytes(Self.greetingBytes).map(Array.init) else { return false }
    let name = String(decoding: greeting[12..<32].prefix { $0 != 0 }, as: UTF8.self)
    let expected = curve == nil ? "NULL" : "CURVE"
    guard name == expected else {
      let found = ["NULL", "PLAIN", "CURVE"].contains(name) ? name : "another one"
      throw ZMTPError(.otherMechanism, "greeting", "expected the mechanism \(expected), found \(found)")
    }
    guard greeting[32] == 0 else {
      throw ZMTPError(.malformed, "greeting", "expected a client, found a server")
    }
    reader.drop(Self.greetingBytes)
    phase = curve == nil ? .null : .hello
    if curve == nil { output += Command.frame("READY", Metadata.ofRouter) }
    return true
  }

  private static var notZMTP: ZMTPError {
    ZMTPError(.notZMTP, "greeting", "expected the greeting of ZMTP 3; is the client a ZeroMQ socket?")
  }

  private mutating func handshake(_ command: Command) throws(ZMTPError) -> Event? {
    switch (phase, command.name) {
    case (_, "ERROR"): throw ZMTPError(.endedByPeer, "handshake", "the client refuses this daemon")
    case (.null, "READY"):
      try Metadata.check(command.data, in: "READY")
      phase = .open
      return .ready(key: nil)
    case (.hello, "HELLO"):
      if let frame = try curve?.welcome(command.data) { output += frame }
      phase = .initiate
      return nil
    case (.initiate, "INITIATE"):
      let ready: (key: [UInt8], frame: [UInt8])?
      do throws(ZMTPError) { ready = try curve?.ready(command.data) } catch {
        // As libzmq says it for a handler that refuses.
        if error.code == .unknownKey { output += Command.frame("ERROR", [3] + Array("400".utf8)) }
        throw error
      }
      guard let ready else { return nil }
      output += ready.frame
      phase = .open
      return .ready(key: ready.key)
    default:
      let expected = phase == .hello ? "HELLO" : phase == .initiate ? "INITIATE" : "READY"
      throw ZMTPError(.malformed, "handshake", "expected \(expected), found another command")
    }
  }

  // MARK: Messages

  private mutating func read(_ outer: Frame) throws(ZMTPError) -> Event? {
    let frame = try curve?.open(outer.body) ?? outer
    guard !frame.isCommand else {
      try answer(Command(frame.body))
      return nil
    }
    guard frames.count < Self.maximumFrames else {
      throw ZMTPError(.tooManyFrames, "message", "expected one frame, found more than \(Self.maximumFrames)")
    }
    messageBytes += frame.body.count
    guard messageBytes <= limits.hardBytes else {
      throw ZMTPError(.tooLarge, "message", "expected at most \(limits.hardBytes) bytes in all its frames")
    }
    frames.append(frame.body)
    guard !frame.hasMore else { return nil }
    defer {
      frames = []
      messageBytes = 0
    }
    let hasDelimiter = frames.count > 1 && frames[0].isEmpty
    let payloads = frames.dropFirst(hasDelimiter ? 1 : 0)
    guard let payload = payloads.first, payloads.count == 1 else {
      return .message(.severalFrames, hasDelimiter: hasDelimiter)
    }
    guard payload.count <= limits.messageBytes else {
      let beginning = Array(payload.prefix(limits.beginningBytes))
      return .message(.tooLarge(beginning: beginning, bytes: payload.count), hasDelimiter: hasDelimiter)
    }
    return .message(.whole(payload), hasDelimiter: hasDelimiter)
  }

  /// Heartbeats are answered; nothing else is known here.
  private mutating func answer(_ command: Command) throws(ZMTPError) {
    switch command.name {
    // A time to live, then a context that comes back.
    case "PING" where (2...18).contains(command.data.count):
      let pong = Command.body("PONG", Array(command.data.dropFirst(2)))
      if curve == nil { output += Frame.encode(pong, isCommand: true) } else { seal(pong, isCommand: true) }
    case "PONG" where command.data.count <= 16: break
    case "ERROR": throw ZMTPError(.endedByPeer, "command", "the client ends the connection")
    default: throw ZMTPError(.malformed, "command", "expected PING or a message, found another command")
    }
  }

  private mutating func seal(_ body: [UInt8], hasMore: Bool = false, isCommand: Bool = false) {
    output +=
      curve?.seal(body, hasMore: hasMore, isCommand: isCommand)
      ?? Frame.encode(body, hasMore: hasMore, isCommand: isCommand)
  }
}
