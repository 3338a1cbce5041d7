import ProtobufCodec
import RobotInterface
import Testing

@Suite("Pictures and sounds go past protobuf-c, and each comes out where it belongs")
struct ContentTests {
  private func frame(_ writer: inout WireWriter, _ contents: [[UInt8]]) {
    writer.number(2, 2)
    writer.number(3, 2)
    writer.number(4, 2)
    for content in contents { writer.content(5, content) }
  }

  private func observation(_ bytes: [UInt8]) throws -> Observation? {
    guard case .observation(let observation) = try RequestMessage(decoding: bytes).body else { return nil }
    return observation
  }

  @Test func `in whatever order they come`() throws {
    let bytes = WireWriter.request {
      $0.message(11) { observation in
        observation.message(9) { part in part.message(2) { frame(&$0, [[1]]) } }
        observation.message(4) { frame(&$0, [[2, 2]]) }
        observation.message(9) { part in part.message(2) { frame(&$0, [[3]]) } }
        observation.message(4) { frame(&$0, [[4, 4, 4, 4]]) }
      }
    }
    let observation = try #require(try observation(bytes))
    #expect(observation.frames.map(\.data) == [[2, 2], [4, 4, 4, 4]])
    #expect(observation.promptImages.map(\.data) == [[1], [3]])
  }

  @Test func `a picture is itself whatever its bytes`() throws {
    // As a mark, each would stand for another one's content.
    let contents: [[UInt8]] = [[1, 0, 0, 0], [0, 0, 0, 0], [9, 9, 9, 9], [0xff, 0xff, 0xff, 0xff]]
    let bytes = WireWriter.request {
      $0.message(11) { observation in
        for content in contents { observation.message(4) { frame(&$0, [content]) } }
      }
    }
    #expect(try observation(bytes)?.frames.map(\.data) == contents)
  }

  @Test func `of a field that comes twice the last counts, as protobuf has it`() throws {
    let bytes = WireWriter.request {
      $0.message(11) { observation in observation.message(4) { frame(&$0, [[1, 2], [3]]) } }
    }
    #expect(try observation(bytes)?.frames.map(\.data) == [[3]])
  }

  @Test func `questions and answers`() throws {
    let picture = CameraFrame(camera: "", encoding: .png, width: 2, height: 2, data: [7, 8, 9])
    let question = RequestMessage(
      requestID: 1, sessionID: "s", body: .generate(GenerationRequest(prompt: "?", images: [picture], audio: [4, 5])))
    #expect(try RequestMessage(decoding: question.encoded()) == question)
    let answer = ReplyMessage(
      requestID: 1, sessionID: "s",
      body: .generation(GenerationResult(finishReason: .end, media: .init(kind: .wav, bytes: [1, 2, 3, 4]))))
    #expect(try ReplyMessage(decoding: answer.encoded()) == answer)
  }

  @Test func `stages travel as their numbers in the protocol`() throws {
    for (number, stage) in zip(UInt64(1)..., [Stage.queue, .decode, .preprocess, .vision, .encode, .generate, .post]) {
      let bytes = WireWriter.request {
        $0.message(13) { generation in
          generation.text(3, "end")
          generation.message(4) { timing in
            timing.number(1, number)
            timing.number(2, 42)
          }
        }
      }
      guard case .generation(let result) = try ReplyMessage(decoding: bytes).body else { continue }
      #expect(result.timings.durations == [stage: 42])
    }
  }

  @Test func `a robot that does not know an action mode learns its name, and what it cannot hold to is refused`() throws
  {
    func capabilities(mode: String, hold: String) -> [UInt8] {
      WireWriter.request {
        $0.message(10) { capabilities in
          capabilities.text(8, mode)
          capabilities.text(9, hold)
        }
      }
    }
    guard case .capabilities(let found) = try ReplyMessage(decoding: capabilities(mode: "waltz", hold: "zero")).body
    else { return }
    #expect(found.actionMode == .init(rawValue: "waltz"))
    #expect(found.hold == .zero)
    guard case .capabilities(let none) = try ReplyMessage(decoding: capabilities(mode: "", hold: "")).body else {
      return
    }
    #expect(none.actionMode == nil && none.hold == nil)
    let error = #expect(throws: RobotError.self) {
      try ReplyMessage(decoding: capabilities(mode: "delta", hold: "dance"))
    }
    #expect(error?.subject == "capabilities.hold")
  }
}
