import MessagePack
import TestSupport
import Testing

/// The long form is `scripts/wires/mutate.sh`: a million messages and more, of every codec.
@Suite("No bytes can bring the reader down")
struct MutationTests {
  private struct Fixtures: Decodable {
    struct Array: Decodable {
      var hex: Hex
    }

    var arrays: [Array]
    var values: [Hex]
  }

  /// Either a value, which then is written and read as itself, or a typed error; a crash ends the test run.
  private func feed(_ bytes: [UInt8]) throws {
    guard let value = try? MessagePackValue(decoding: bytes) else { return }
    _ = try? NumericArray(value)
    _ = try? WireImage(value)
    let written = try value.encoded()
    #expect(try MessagePackValue(decoding: written).encoded() == written)
  }

  @Test(arguments: UInt64(0)..<4) func `changed messages`(seed: UInt64) throws {
    let fixtures = try Recorded.load(Fixtures.self, of: "MessagePackTests")
    let messages = fixtures.arrays.map(\.hex.bytes) + fixtures.values.map(\.bytes).filter { $0.count < 2_000 }
    var random = SeededGenerator(seed: seed)
    for round in 0..<5_000 { try feed(random.mutated(messages[round % messages.count])) }
  }

  @Test(arguments: UInt64(0)..<4) func `random bytes`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<5_000 {
      try feed((0..<Int.random(in: 0...60, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) })
    }
  }

  @Test func `every prefix of a message`() throws {
    let fixtures = try Recorded.load(Fixtures.self, of: "MessagePackTests")
    for fixture in fixtures.arrays.prefix(40) {
      for count in fixture.hex.bytes.indices {
        #expect(throws: MessagePackError.self) {
          try MessagePackValue(decoding: Array(fixture.hex.bytes.prefix(count)))
        }
      }
    }
  }
}
