import MessagePack
import TestSupport
import Testing

@Suite("Messages and their bytes")
struct ValueTests {
  private struct Fixtures: Decodable {
    var values: [Hex]
  }

  @Test func `what Python writes is read, and written with the same bytes`() throws {
    let fixtures = try Recorded.load(Fixtures.self, of: "MessagePackTests")
    #expect(fixtures.values.count > 80)
    for fixture in fixtures.values {
      #expect(try MessagePackValue(decoding: fixture.bytes).encoded() == fixture.bytes)
    }
  }

  @Test(arguments: [
    ("81a8656e64706f696e74a470696e67", MessagePackValue.map(["endpoint": .text("ping")])),
    (
      "82a6737461747573a26f6ba76d657373616765b15365727665722069732072756e6e696e67",
      .map(["status": .text("ok"), "message": .text("Server is running")])
    ),
    (
      "82a8656e64706f696e74a57265736574a46461746181a76f7074696f6e73c0",
      .map(["endpoint": .text("reset"), "data": .map(["options": .none])])
    ),
    ("80", .map([:])),
  ])
  func `bytes of Isaac-GR00T`(hex: String, value: MessagePackValue) throws {
    let bytes = try Hex(hex).bytes
    #expect(try MessagePackValue(decoding: bytes) == value)
    #expect(try value.encoded() == bytes)
  }

  @Test func `whole numbers at the ends of their widths`() throws {
    for value: Int64 in [0, 127, 128, 255, 256, 65_535, 65_536, 1 << 32, .max, -1, -32, -33, -128, -129, -32_769, .min]
    {
      #expect(try MessagePackValue(decoding: MessagePackValue.integer(value).encoded()) == .integer(value))
    }
    let big = MessagePackValue.unsigned(.max)
    #expect(try MessagePackValue(decoding: big.encoded()) == big)
  }

  @Test func `a key is found in either spelling`() throws {
    let map = MessagePackMap([
      .init(.binary([0x61]), .integer(1)), .init(.text("b"), .integer(2)), .init(.integer(3), .integer(3)),
    ])
    #expect(map["a"] == .integer(1))
    #expect(map["b"] == .integer(2))
    #expect(map["3"] == nil)
    #expect(try MessagePackValue(decoding: MessagePackValue.map(map).encoded()) == .map(map))
  }

  @Test(arguments: [
    ("", "truncated", ""), ("c1", "invalid_byte", ""), ("93 01 02", "truncated", ""),
    ("93 01 02 c1", "invalid_byte", "[2]"),
    ("c0 c0", "trailing_bytes", ""), ("a3 61 62", "truncated", ""), ("c6 ff ff ff ff 00", "truncated", ""),
    ("dd ff ff ff ff 00", "truncated", ""), ("df ff ff ff ff 00 00", "truncated", ""), ("a2 c3 28", "invalid_text", ""),
    ("82 a1 61 01 a1 61 02", "invalid_key", "a"), ("81 90 01", "invalid_key", "key 0"),
    ("81 c3 01", "invalid_key", "key 0"),
    ("81 a1 61 92 01 c1", "invalid_byte", "a[1]"), ("81 a1 61 81 a1 62 91 a2 c3 28", "invalid_text", "a.b[0]"),
    ("81 a1 61 81 a1 62 91 d4 01", "truncated", "a.b[0]"), ("81 a3 61 20 62 c1", "invalid_byte", "[“a b”]"),
  ])
  func `what is wrong, and where`(hex: String, code: String, path: String) throws {
    let bytes = try Hex(hex).bytes
    let error = #expect(throws: MessagePackError.self) { try MessagePackValue(decoding: bytes) }
    #expect(error?.code.rawValue == code)
    #expect(error?.path == (path == "key 0" ? "[“key 0”]" : path))
  }

  @Test func `the same key in two spellings is two keys`() throws {
    let value = try MessagePackValue(decoding: Hex("82 a1 61 01 c4 01 61 02").bytes)
    guard case .map(let map) = value else { throw Hex.Malformed() }
    #expect(map.entries.count == 2)
    #expect(map["a"] == .integer(1))
  }

  @Test func `limits hold at their edge`() throws {
    func nested(_ depth: Int) -> [UInt8] { [UInt8](repeating: 0x91, count: depth) + [0xc0] }
    let limits = MessagePackLimits(bytes: 100, depth: 5, values: 10)
    for (edge, beyond) in [
      (nested(5), nested(6)),
      ([0x99] + [UInt8](repeating: 1, count: 9), [0x9a] + [UInt8](repeating: 1, count: 10)),
      ([0xc4, 98] + [UInt8](repeating: 0, count: 98), [0xc4, 99] + [UInt8](repeating: 0, count: 99)),
    ] {
      _ = try MessagePackValue(decoding: edge, limits: limits)
      let error = #expect(throws: MessagePackError.self) { try MessagePackValue(decoding: beyond, limits: limits) }
      #expect(error?.code == .tooLarge)
    }
    // However deep a caller allows: msgpack-c holds 32 levels.
    let deep = MessagePackLimits(depth: 1_000)
    _ = try MessagePackValue(decoding: nested(31), limits: deep)
    #expect(throws: MessagePackError.self) { try MessagePackValue(decoding: nested(32), limits: deep) }
    var value = MessagePackValue.none
    for _ in 0..<31 { value = .array([value]) }
    #expect(try value.encoded() == nested(31))
    #expect(throws: MessagePackError.self) { try MessagePackValue.array([value]).encoded() }
  }

  @Test func `names from outside are cut and made printable in errors`() throws {
    let key = String(repeating: "x\u{1b}[31m", count: 100)
    let bytes = try MessagePackValue.map(MessagePackMap([.init(.text(key), .array([.text("")]))])).encoded()
    let error = #expect(throws: MessagePackError.self) {
      try MessagePackValue(decoding: Array(bytes.dropLast()) + [0xc1])
    }
    let path = try #require(error?.path)
    #expect(path.utf8.count < 100 && path.utf8.allSatisfy { $0 >= 0x20 })
  }
}
