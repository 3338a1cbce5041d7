import RobotInterface
import RobotPolicy
import Testing
import UnifiedIO

@Suite("A picture that has come before is recognised by its bytes")
struct PictureMemoryTests {
  let model = FakeModel(.bins([999, 0, 500, 999]))

  private func policy() throws -> ModelPolicy<FakeModel> {
    try ModelPolicy(
      specification: ExamplePolicy.specification(ExamplePolicy.delta), digest: "d", model: model, serverVersion: "1")
  }

  private func frame(_ camera: String, _ byte: UInt8) -> CameraFrame {
    let (width, height) = camera == "top" ? (2, 2) : (4, 2)
    return CameraFrame(
      camera: camera, encoding: .jpeg, width: width, height: height,
      data: [0xFF, 0xD8, 0xFF, 0xE0, UInt8(width), UInt8(height), byte])
  }

  private func observation(_ step: UInt64, top: UInt8, front: UInt8) -> Observation {
    Observation(
      sequence: step, capturedAt: step * 50_000_000, sentAt: step * 50_000_000,
      frames: [frame("top", top), frame("front", front)], proprioception: [0, 0.6, 0.2, 1], instruction: "Close it.")
  }

  @Test func `an unchanged picture is not decoded again, and is what it was`() throws {
    let policy = try policy()
    var decodings: [Int] = []
    for step: UInt64 in 1...5 {
      var context = EpisodeContext()
      _ = try policy.act(on: observation(step, top: UInt8(step), front: 7), context: &context)
      decodings.append(model.decodings.pictures)
    }
    // What came twice is kept; what lives is decoded each time.
    #expect(decodings == [2, 4, 5, 6, 7])
    #expect(Set(model.inputs.map(\.image)).count == 1)
    #expect(Set(model.inputs.map(\.imageHistory)).count == 5)
  }

  @Test func `sessions share what is kept`() throws {
    let policy = try policy()
    for _ in 0..<2 {
      var context = EpisodeContext()
      _ = try policy.act(on: observation(1, top: 1, front: 2), context: &context)
    }
    let before = model.decodings.pictures
    var context = EpisodeContext()
    _ = try policy.act(on: observation(1, top: 1, front: 2), context: &context)
    #expect(model.decodings.pictures == before)
  }

  @Test func `a picture that cannot be read is refused however often it comes`() throws {
    let policy = try policy()
    var bad = observation(1, top: 1, front: 2)
    bad.frames[0].data.append(9)
    for _ in 0..<4 {
      let error = #expect(throws: RobotError.self) {
        var context = EpisodeContext()
        _ = try policy.act(on: bad, context: &context)
      }
      #expect(error?.code == .invalidImage)
      #expect(error?.subject.hasPrefix("observation.frames[0]") == true)
    }
  }

  @Test func `one byte makes another picture`() throws {
    let policy = try policy()
    for byte: UInt8 in [1, 1, 1, 2, 1] {
      var context = EpisodeContext()
      _ = try policy.act(on: observation(1, top: 0, front: byte), context: &context)
    }
    let inputs = model.inputs.map { "\($0)" }
    #expect(inputs[0] == inputs[2] && inputs[0] == inputs[4] && inputs[0] != inputs[3])
  }
}
