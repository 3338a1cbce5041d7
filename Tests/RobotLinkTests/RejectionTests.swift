import ProtobufCodec
import RobotInterface
import Testing

@Suite("A message that breaks the protocol is refused with the field at fault")
struct RejectionTests {
  private func refusal(_ bytes: [UInt8]) -> RobotError? {
    do throws(RobotError) {
      _ = try RequestMessage(decoding: bytes)
      return nil
    } catch {
      return error
    }
  }

  private func observation(_ build: (inout WireWriter) -> Void) -> [UInt8] {
    WireWriter.request { $0.message(11, build) }
  }

  private func frame(encoding: UInt64 = 2, width: UInt64 = 2, height: UInt64 = 2, bytes: Int = 4) -> [UInt8] {
    observation {
      $0.message(4) { frame in
        frame.text(1, "front")
        frame.number(2, encoding)
        frame.number(3, width)
        frame.number(4, height)
        frame.content(5, [UInt8](repeating: 1, count: bytes))
      }
    }
  }

  @Test func `no bytes`() { #expect(refusal([])?.code == .malformed) }

  @Test func `no protobuf`() { #expect(refusal(Array("GET / HTTP/1.1\r\n\r\n".utf8))?.code == .malformed) }

  @Test func `no body`() {
    let error = refusal(WireWriter.request { _ in })
    #expect(error?.code == .malformed)
    #expect(error?.subject == "request.body")
  }

  @Test func `a body of a later version`() {
    #expect(refusal(WireWriter.request { $0.message(18) { _ in } })?.code == .malformed)
  }

  @Test func `two bodies`() {
    let error = refusal(
      WireWriter.request {
        $0.message(13) { _ in }
        $0.message(14) { _ in }
      })
    #expect(error?.code == .malformed)
  }

  @Test func `the same body twice`() {
    let error = refusal(
      WireWriter.request {
        $0.message(11) { _ in }
        $0.message(11) { _ in }
      })
    #expect(error?.code == .malformed)
  }

  @Test(arguments: [0, 1, 3, 1 << 32, .max] as [UInt64]) func `another version`(version: UInt64) {
    let error = refusal(WireWriter.request(version: version) { $0.message(12) { _ in } })
    #expect(error?.code == .unsupportedVersion)
  }

  @Test(arguments: ["arm\n", "bras\u{E9}", "\u{200B}", "a\u{1B}[2J"]) func `a session whose name does not print`(
    name: String
  ) {
    #expect(refusal(WireWriter.request(session: name) { $0.message(12) { _ in } })?.code == .invalidSession)
  }

  @Test func `an instruction beside prompt parts`() {
    let both = observation {
      $0.text(6, "Push it."); $0.message(9) { $0.text(1, "Pull it.") }
    }
    #expect(refusal(both)?.code == .invalidInstruction)
  }

  @Test func `a prompt part that is neither text nor image`() {
    #expect(refusal(observation { $0.message(9) { _ in } })?.code == .malformed)
  }

  @Test func `a session without a name`() {
    #expect(refusal(WireWriter.request(session: "") { $0.message(12) { _ in } })?.code == .invalidSession)
  }

  @Test func `a session with too long a name`() {
    let name = String(repeating: "s", count: 129)
    #expect(refusal(WireWriter.request(session: name) { $0.message(12) { _ in } })?.code == .invalidSession)
    #expect(refusal(WireWriter.request(session: String(name.dropLast())) { $0.message(12) { _ in } }) == nil)
  }

  @Test func `a NUL that would cut a session's name short`() {
    #expect(refusal(WireWriter.request(session: "arm\0other") { $0.message(12) { _ in } })?.code == .malformed)
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity]) func `a number that is none`(value: Double) {
    let error = refusal(
      observation {
        $0.double(5, 1)
        $0.double(5, value)
      })
    #expect(error?.code == .invalidProprioception)
    #expect(error?.subject == "observation.proprioception[1]")
  }

  @Test func `text that is not UTF-8`() {
    let error = refusal(observation { $0.content(6, [0x70, 0xff, 0x70]) })
    #expect(error?.code == .invalidInstruction)
    #expect(error?.subject == "observation.instruction")
  }

  @Test func `an instruction longer than a book page`() {
    let text = [UInt8](repeating: 0x61, count: Observation.maximumInstructionBytes + 1)
    let error = refusal(observation { $0.content(6, text) })
    #expect(error?.code == .invalidInstruction)
  }

  @Test func `a picture without encoding`() { #expect(refusal(frame(encoding: 0))?.code == .invalidImage) }

  @Test func `a picture in an unknown encoding`() { #expect(refusal(frame(encoding: 4))?.code == .invalidImage) }

  @Test func `a picture without bytes`() { #expect(refusal(frame(bytes: 0))?.code == .invalidImage) }

  @Test func `a picture without width`() { #expect(refusal(frame(width: 0))?.code == .invalidImage) }

  @Test func `a picture as wide as a number can say`() {
    #expect(refusal(frame(width: 0xffff_ffff))?.code == .invalidImage)
  }

  @Test func `raw pixels of the wrong number`() {
    #expect(refusal(frame(encoding: 1, bytes: 12)) == nil)
    let error = refusal(frame(encoding: 1, bytes: 11))
    #expect(error?.code == .invalidImage)
    #expect(error?.subject == "observation.frames[0].data")
  }

  private func audio(encoding: UInt64, _ data: [UInt8]) -> [UInt8] {
    observation {
      $0.message(13) { clip in
        clip.number(1, encoding)
        clip.content(2, data)
      }
    }
  }

  @Test func `a sound of a known form travels`() {
    #expect(refusal(audio(encoding: 1, [0, 1, 2, 3])) == nil)
    for mark in ["RIFF....WAVE", "RIFX....WAVE", "RF64....WAVE", "fLaC", "OggS"] {
      #expect(refusal(audio(encoding: 2, Array(mark.utf8))) == nil, "\(mark)")
    }
  }

  @Test func `a sound that cannot be one is refused before it is decoded`() {
    let page = [UInt8](repeating: 0x20, count: 8 << 20)
    let wave = Array("RIFF....WAVE".utf8)
    for (encoding, data, field) in [
      (0, wave, "encoding"), (3, wave, "encoding"), (1 << 31, wave, "encoding"), (1, [], "data"), (2, [], "data"),
      (1, [1], "data"), (1, [1, 2, 3], "data"), (1, page + [0, 0], "data"), (2, wave + page, "data"),
      (2, Array("RIFF....AVI ".utf8), "data"), (2, Array("RIFF....".utf8), "data"), (2, Array("ID3".utf8), "data"),
      (2, [0, 1, 2, 3], "data"),
    ] as [(UInt64, [UInt8], String)] {
      let error = refusal(audio(encoding: encoding, data))
      #expect(error?.code == .invalidAudio, "\(encoding) \(data.prefix(12))")
      #expect(error?.subject == "observation.audio.\(field)")
    }
    #expect(refusal(audio(encoding: 1, page)) == nil)
  }

  @Test func `two sounds are one too many`() {
    let twice = observation {
      for _ in 0..<2 {
        $0.message(13) { clip in
          clip.number(1, 1)
          clip.content(2, [0, 0])
        }
      }
    }
    #expect(refusal(twice)?.code == .malformed)
  }

  @Test func `an observation sent before it was made`() {
    let error = refusal(
      observation {
        $0.number(2, 10)
        $0.number(3, 9)
      })
    #expect(error?.subject == "observation.sent_at")
  }

  @Test func `a picture that was captured after the observation had left`() {
    func captured(at time: UInt64) -> [UInt8] {
      observation {
        $0.number(2, 5)
        $0.number(3, 9)
        $0.message(4) { frame in
          frame.number(2, 2)
          frame.number(3, 2)
          frame.number(4, 2)
          frame.content(5, [1])
          frame.number(6, time)
        }
      }
    }
    #expect(refusal(captured(at: 10))?.subject == "observation.frames[0].captured_at")
    #expect(refusal(captured(at: 9)) == nil)
    #expect(refusal(captured(at: 1)) == nil)
  }

  @Test func `more pictures than anyone needs`() {
    let error = refusal(observation { for _ in 0..<65 { $0.message(4) { _ in } } })
    #expect(error?.code == .malformed)
  }

  @Test func `a flood of empty fields`() {
    #expect(refusal(observation { for _ in 0..<100_000 { $0.number(99, 0) } })?.code == .malformed)
  }

  @Test(arguments: [UInt64.max, 1 << 63, 1 << 31, 1000]) func `a length beyond the end`(length: UInt64) {
    var writer = WireWriter()
    writer.number(1, UInt64(ProtocolLimits.version))
    writer.varint(11 << 3 | 2)
    writer.varint(length)
    #expect(refusal(writer.bytes)?.code == .malformed)
  }

  @Test func `generation options out of range`() {
    for (field, value) in [(4, Float.nan), (4, -1), (6, 1.5), (6, -0.5)] as [(UInt64, Float)] {
      let bytes = WireWriter.request {
        $0.message(15) { generate in
          generate.varint(field << 3 | 5)
          for shift in [0, 8, 16, 24] as [UInt32] {
            generate.byte(UInt8(truncatingIfNeeded: value.bitPattern >> shift))
          }
        }
      }
      #expect(refusal(bytes)?.code == .malformed)
    }
  }

  @Test func `a message that must not be sent cannot be encoded`() {
    let observation = Observation(
      sequence: 1, capturedAt: 1, sentAt: 1, frames: [], proprioception: [.nan], instruction: "")
    #expect(throws: RobotError.self) {
      try RequestMessage(requestID: 1, sessionID: "s", body: .observation(observation)).encoded()
    }
    #expect(throws: RobotError.self) {
      try RequestMessage(requestID: 1, sessionID: "s", body: .stop(reason: "a\0b")).encoded()
    }
    let chunk = ActionChunk(
      observationSequence: 1, capturedAt: 1, validUntil: 1, actions: [Action(values: [.infinity])], tokens: [],
      text: "",
      confidence: 1, timings: StageTimings())
    #expect(throws: RobotError.self) {
      try ReplyMessage(requestID: 1, sessionID: "s", body: .actionChunk(chunk)).encoded()
    }
  }

  @Test func `a reply with an unknown error code`() {
    let bytes = WireWriter.request { $0.message(14) { $0.number(1, 99) } }
    #expect(throws: RobotError.self) { try ReplyMessage(decoding: bytes) }
  }
}
