import Foundation
import TestSupport
import Testing
import ZMTP

/// What a client of libzmq sends, by RFC 37.
private enum Client {
  static func greeting(_ mechanism: String = "NULL", version: UInt8 = 3, asServer: UInt8 = 0) -> [UInt8] {
    let name = Array(mechanism.utf8)
    return [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, version, 1] + name + [UInt8](repeating: 0, count: 20 - name.count)
      + [asServer] + [UInt8](repeating: 0, count: 31)
  }

  static func frame(_ body: [UInt8], more: Bool = false, command: Bool = false) -> [UInt8] {
    let flags: UInt8 = (more ? 1 : 0) | (command ? 4 : 0)
    guard body.count > 255 else { return [flags, UInt8(body.count)] + body }
    return [flags | 2] + size(UInt64(body.count)) + body
  }

  static func size(_ number: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) }
  }

  static func command(_ name: String, _ data: [UInt8]) -> [UInt8] {
    frame([UInt8(name.utf8.count)] + Array(name.utf8) + data, command: true)
  }

  static func ready(_ type: String = "DEALER") -> [UInt8] {
    let name = Array("Socket-Type".utf8)
    return command("READY", [UInt8(name.count)] + name + [0, 0, 0, UInt8(type.utf8.count)] + Array(type.utf8))
  }

  static let hello = greeting() + ready()
}

@Suite("ZMTP without a socket") struct ZMTPConnectionTests {
  private static let limits = ZMTPConnection.Limits(messageBytes: 1000, hardBytes: 4000)

  private func connection() -> ZMTPConnection { ZMTPConnection(.null, Self.limits) }

  /// All that bytes mean, and how it ends.
  private func events(
    _ bytes: [UInt8], by piece: Int = .max, _ connection: consuming ZMTPConnection
  ) -> (events: [ZMTPConnection.Event], error: ZMTPError?, output: [UInt8]) {
    var connection = connection, events: [ZMTPConnection.Event] = [], output: [UInt8] = [], rest = bytes[...]
    do throws(ZMTPError) {
      while !rest.isEmpty {
        connection.take(rest.prefix(piece))
        rest = rest.dropFirst(piece)
        while let event = try connection.next() { events.append(event) }
        output += connection.takeOutput()
      }
    } catch {
      return (events, error, output + connection.takeOutput())
    }
    return (events, nil, output)
  }

  @Test func `a dealer and a req are let in, and their messages are one frame`() {
    for type in ["DEALER", "REQ"] {
      let bytes =
        Client.greeting() + Client.ready(type) + Client.frame([1, 2]) + Client.frame([], more: true) + Client.frame([3])
      let found = events(bytes, connection())
      #expect(
        found.events == [
          .ready(key: nil), .message(.whole([1, 2]), hasDelimiter: false), .message(.whole([3]), hasDelimiter: true),
        ] && found.error == nil)
      #expect(Array(found.output.prefix(12)) == [0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 3, 1])
      #expect(String(decoding: found.output, as: UTF8.self).contains("ROUTER"))
    }
  }

  @Test func `bytes mean the same in whatever pieces they come`() {
    let bytes =
      Client.hello + Client.frame([UInt8](repeating: 7, count: 900)) + Client.command("PING", [0, 10, 1, 2])
      + Client.frame([], more: true) + Client.frame([UInt8](repeating: 8, count: 2000)) + Client.frame([1], more: true)
      + Client.frame([2])
    let whole = events(bytes, connection())
    #expect(whole.events.count == 4 && whole.error == nil)
    for piece in [1, 2, 3, 7, 64, 65, 500] {
      let pieces = events(bytes, by: piece, connection())
      #expect(pieces.events == whole.events && pieces.output == whole.output, "\(piece)")
    }
    #expect(
      whole.events[2]
        == .message(.tooLarge(beginning: [UInt8](repeating: 8, count: 1024), bytes: 2000), hasDelimiter: true))
    #expect(whole.events[3] == .message(.severalFrames, hasDelimiter: false))
    #expect(Array(whole.output.suffix(9)) == [4, 7, 4] + Array("PONG".utf8) + [1, 2])
  }

  @Test func `every limit holds at its edge`() {
    func end(_ bytes: [UInt8]) -> ZMTPError.Code? { events(Client.hello + bytes, connection()).error?.code }
    // Before a byte of the body has come.
    #expect(end([2] + Client.size(4000)) == nil && end([2] + Client.size(4001)) == .tooLarge)
    #expect(end([2] + Client.size(.max)) == .tooLarge)
    #expect(end([6] + Client.size(2049)) == .tooLarge && end([6] + Client.size(2048)) == nil)
    let exact = events(Client.hello + Client.frame([UInt8](repeating: 1, count: 1000)), connection())
    #expect(exact.events.last == .message(.whole([UInt8](repeating: 1, count: 1000)), hasDelimiter: false))
    let over = events(Client.hello + Client.frame([UInt8](repeating: 1, count: 1001)), connection())
    #expect(
      over.events.last
        == .message(.tooLarge(beginning: [UInt8](repeating: 1, count: 1001), bytes: 1001), hasDelimiter: false))
    // Of all frames together, and how many there are.
    let part = Client.frame([UInt8](repeating: 1, count: 2000), more: true)
    #expect(end(part + part) == nil && end(part + part + Client.frame([1])) == .tooLarge)
    let more = Client.frame([1], more: true)
    #expect(end(more + more + Client.frame([1])) == nil && end(more + more + more + more) == .tooManyFrames)
    // Before anybody is let in.
    #expect(events(Client.greeting() + [6] + Client.size(2049), connection()).error?.code == .tooLarge)
    #expect(events(Client.greeting() + Client.frame([1]), connection()).error?.code == .tooLarge)
    #expect(events(Client.greeting() + [0, 0], connection()).error?.code == .malformed)
  }

  private static let broken: [(bytes: [UInt8], code: ZMTPError.Code)] = {
    let greeted = Client.greeting(), open = Client.hello
    var cases: [(bytes: [UInt8], code: ZMTPError.Code)] = []
    cases.append((Array("GET / HTTP/1.1\r\n".utf8), .notZMTP))
    cases.append(([0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7E], .notZMTP))
    cases.append((Client.greeting(version: 2), .unsupportedVersion))
    cases.append((Client.greeting("CURVE"), .otherMechanism))
    cases.append((Client.greeting(asServer: 1), .malformed))
    cases.append((greeted + Client.ready("SUB"), .wrongSocketType))
    cases.append((greeted + Client.command("READY", [5, 1, 2]), .malformed))
    cases.append((greeted + Client.command("HELLO", [1]), .malformed))
    cases.append((greeted + Client.command("ERROR", [0]), .endedByPeer))
    cases.append((open + Client.command("SUBSCRIBE", [1]), .malformed))
    cases.append((open + Client.command("PING", [1]), .malformed))
    cases.append((open + [8, 1, 1], .malformed))
    cases.append((open + [5, 1, 1], .malformed))
    cases.append((open + [4, 1, 9], .malformed))
    return cases
  }()

  @Test(arguments: broken.indices)
  func `whoever breaks a rule is cut off with a reason`(_ place: Int) {
    let (bytes, code) = Self.broken[place]
    let found = events(bytes, connection())
    #expect(found.error?.code == code, "\(found)")
    #expect(found.error.map { !$0.message.isEmpty } ?? false)
  }

  @Test func `after an error nothing is read`() throws {
    var connection = connection()
    connection.take(Array("nonsense".utf8))
    #expect(throws: ZMTPError.self) { try connection.next() }
    connection.take(Client.hello)
    #expect(try connection.next() == nil && !connection.isOpen)
  }

  @Test func `an answer goes out as its client expects it`() throws {
    var connection = connection()
    connection.send([1], hasDelimiter: false)
    connection.take(Client.hello)
    #expect(try connection.next() == .ready(key: nil))
    _ = connection.takeOutput()
    connection.send([1, 2], hasDelimiter: true)
    connection.send([UInt8](repeating: 3, count: 256), hasDelimiter: false)
    #expect(
      connection.takeOutput() == [1, 0, 0, 2, 1, 2, 2, 0, 0, 0, 0, 0, 0, 1, 0] + [UInt8](repeating: 3, count: 256))
    #expect(connection.takeOutput().isEmpty && !connection.isPending)
  }

  /// As many as `UIO2_MUTATIONS` says (scripts), or a few.
  @Test func `changed bytes end in an error or in events, and keep no more than they may`() {
    let count = ProcessInfo.processInfo.environment["UIO2_MUTATIONS"].flatMap { Int($0) } ?? 20_000
    var random = SeededGenerator(seed: 11)
    let good =
      Client.hello + Client.frame([1, 2, 3]) + Client.frame([], more: true)
      + Client.frame([UInt8](repeating: 4, count: 300))
      + Client.command("PING", [0, 1, 2])
    let curve = ZMTPConnection.Security.curve(
      publicKey: [UInt8](repeating: 1, count: 32), secret: [UInt8](repeating: 2, count: 32)
    ) { _ in true }
    let hello = Client.greeting("CURVE") + Client.command("HELLO", [1, 0] + [UInt8](repeating: 0, count: 192))
    for number in 0..<count {
      let isCurve = number % 8 == 0
      var bytes = isCurve ? hello : good
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[place] = .random(in: .min ... .max, using: &random)
        case 1: bytes.remove(at: place)
        default: bytes.insert(.random(in: .min ... .max, using: &random), at: place)
        }
      }
      var connection = ZMTPConnection(isCurve ? curve : .null, Self.limits)
      var rest = bytes[...]
      while !rest.isEmpty {
        let piece = Int.random(in: 1...rest.count, using: &random)
        connection.take(rest.prefix(piece))
        rest = rest.dropFirst(piece)
        while let event = try? connection.next() {
          if case .message(.whole(let body), _) = event { #expect(body.count <= Self.limits.messageBytes) }
          if isCurve { Issue.record("nobody has proven a key: \(event)") }
        }
        #expect(connection.bufferedBytes <= bytes.count)
      }
    }
  }
}
