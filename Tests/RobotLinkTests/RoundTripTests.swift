import ConversationSupport
import ProtobufCodec
import RobotInterface
import Testing

@Suite("A message that travels arrives as it left")
struct RoundTripTests {
  @Test(arguments: UInt64(0)..<8) func `random requests`(seed: UInt64) throws {
    var messages = RandomMessages(seed: seed)
    for _ in 0..<250 {
      let request = messages.request()
      #expect(try RequestMessage(decoding: request.encoded()) == request)
    }
  }

  @Test(arguments: UInt64(100)..<108) func `random replies`(seed: UInt64) throws {
    var messages = RandomMessages(seed: seed)
    for _ in 0..<250 {
      let reply = messages.reply()
      #expect(try ReplyMessage(decoding: reply.encoded()) == reply)
    }
  }

  @Test func `every error code`() throws {
    for code in RobotError.Code.allCases {
      let reply = ReplyMessage(requestID: 1, sessionID: "s", body: .error(RobotError(code, "field", "what to do")))
      #expect(try ReplyMessage(decoding: reply.encoded()) == reply)
    }
  }

  @Test func `the numbers of the wire's enumerations are those of the proto file`() throws {
    let error = ReplyMessage(requestID: 0, sessionID: "", body: .error(RobotError(.frozenCamera, "", "")))
    // version 2; error (14) of 2 bytes: code (1) = 12.
    #expect(try error.encoded() == [0x08, 2, 0x72, 2, 0x08, 12])
    var timings = StageTimings()
    timings[.generate] = 5
    let generation = GenerationResult(text: "", tokens: [], finishReason: .end, timings: timings)
    let reply = ReplyMessage(requestID: 0, sessionID: "", body: .generation(generation))
    // generation (13): finish_reason (3) "end"; timings (4): stage (1) = STAGE_GENERATE, duration (2) = 5.
    #expect(
      try reply.encoded() == [0x08, 2, 0x6A, 11, 0x1A, 3] + Array("end".utf8) + [0x22, 4, 0x08, 6, 0x10, 5])
  }

  @Test func `fields of a later version are passed over`() throws {
    let bytes = WireWriter.request {
      $0.message(13) { stop in
        stop.text(1, "operator")
        stop.text(90, "from the future")
      }
      $0.number(77, 1)
    }
    #expect(
      try RequestMessage(decoding: bytes)
        == RequestMessage(requestID: 7, sessionID: "arm", body: .stop(reason: "operator")))
  }
}
