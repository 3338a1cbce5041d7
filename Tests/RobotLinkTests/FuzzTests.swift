import ConversationSupport
import ProtobufCodec
import RobotInterface
import TestSupport
import Testing

@Suite("No bytes can bring the codec down")
struct FuzzTests {
  /// Either a value, which then encodes and decodes to itself, or a typed error; a crash ends the test run.
  private func feed(_ bytes: [UInt8]) throws {
    _ = MessageHeader.peek(bytes)
    if let request = try? RequestMessage(decoding: bytes) {
      #expect(try RequestMessage(decoding: request.encoded()) == request)
    }
    if let reply = try? ReplyMessage(decoding: bytes) {
      #expect(try ReplyMessage(decoding: reply.encoded()) == reply)
    }
  }

  @Test(arguments: UInt64(0)..<4) func `mutated messages`(seed: UInt64) throws {
    var messages = RandomMessages(seed: seed &+ 1000)
    var random = SeededGenerator(seed: seed)
    for round in 0..<4_000 {
      var bytes = round % 2 == 0 ? try messages.request().encoded() : try messages.reply().encoded()
      for _ in 0..<Int.random(in: 1...4, using: &random) { mutate(&bytes, &random) }
      try feed(bytes)
    }
  }

  @Test(arguments: UInt64(0)..<4) func `random bytes`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<2_000 {
      // A good version first, so that the bytes get past it.
      try feed(
        [0x08, 0x01]
          + (0..<Int.random(in: 0...200, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) })
    }
  }

  @Test func `every prefix of a message`() throws {
    var messages = RandomMessages(seed: 5)
    for _ in 0..<8 {
      let bytes = try messages.request().encoded()
      for count in bytes.indices.prefix(400) { try feed(Array(bytes.prefix(count))) }
    }
  }

  private func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
    guard !bytes.isEmpty else { return }
    let place = Int.random(in: bytes.indices, using: &random)
    switch Int.random(in: 0..<6, using: &random) {
    case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
    case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 2: bytes.removeSubrange(place...)
    case 3: bytes.remove(at: place)
    case 4: bytes.insert([0x00, 0x7f, 0x80, 0xff][Int.random(in: 0..<4, using: &random)], at: place)
    default:
      let end = min(bytes.count, place + Int.random(in: 1...40, using: &random))
      bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: bytes.indices, using: &random))
    }
  }
}
