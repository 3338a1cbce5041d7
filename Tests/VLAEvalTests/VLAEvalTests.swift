import MessagePack
import TestSupport
import Testing
import VLAEval

@Suite("vla-eval's messages")
struct VLAEvalTests {
  private struct Fixtures: Decodable {
    var image: Hex
    var mirrored: Hex
    var frames: [String: Hex]
  }

  private let fixtures: Fixtures
  private let codec = VLACodec(keys: VLAKeys(camerasNamed: ["agentview", "wrist"]))

  init() throws { fixtures = try Recorded.load(Fixtures.self, of: "VLAEvalTests") }

  private func bytes(_ name: String) throws -> [UInt8] { try #require(fixtures.frames[name]).bytes }

  @Test func `hello, episodes and errors`() throws {
    let hello = try codec.frame(bytes("hello"))
    #expect(
      hello == VLAFrame(body: .hello(version: "0.8.0", benchmark: "MetaWorld"), sequence: 1, sentAt: 1_700_000_000.5))
    #expect(try codec.frame(bytes("hello without benchmark")).body == .hello(version: "0.8.0", benchmark: nil))
    #expect(try codec.frame(bytes("episode_start")).body == .episodeStart(VLAEpisode(task: "push", isLive: false)))
    #expect(try codec.frame(bytes("live episode_start")).body == .episodeStart(VLAEpisode(task: "push", isLive: true)))
    #expect(try codec.frame(bytes("episode_end")).body == .episodeEnd(succeeded: true))
    #expect(try codec.frame(bytes("error")).body == .error("the simulator is gone"))
  }

  @Test func `a mode that nobody knows is no mode to wait in`() throws {
    func isLive(_ mode: MessagePackValue) throws -> Bool? {
      let payload = MessagePackValue.map(["task": .text("push"), "mode": mode])
      guard case .episodeStart(let episode) = try codec.frame(frame("episode_start", payload)).body else { return nil }
      return episode.isLive
    }
    #expect(try isLive(.text("live")) == true)
    #expect(try isLive(.text("sync")) == false)
    #expect(try isLive(.none) == false)
    for mode in [MessagePackValue.text("LIVE"), .text(""), .integer(1)] {
      let error = #expect(throws: VLAError.self) { try isLive(mode) }
      #expect(error?.fault.code == .wrongType)
    }
  }

  @Test func `pictures raw, as PNG and as JPEG`() throws {
    for format in ["raw", "png", "jpeg"] {
      guard case .observation(let observation) = try codec.frame(bytes("observation \(format)")).body else {
        Issue.record("no observation")
        continue
      }
      #expect(observation.pictures.map(\.camera) == ["agentview", "wrist"])
      #expect(observation.state == [0.5, -1.25, 3])
      #expect(observation.instruction == "push the puck")
      switch (format, observation.pictures[1].image) {
      case ("raw", .pixels(6, 4, let pixels)): #expect(Array(pixels) == fixtures.mirrored.bytes)
      case ("png", .png), ("jpeg", .jpeg): break
      case (_, let image): Issue.record("\(format): \(image)")
      }
    }
  }

  @Test func `raw pictures in the wrapping that names their format`() throws {
    let image = MessagePackValue.map([
      "__image__": .bool(true), "format": .text("raw"), "data": .binary(fixtures.image.bytes[...]),
      "dtype": .text("|u1"),
      "shape": .array([.integer(4), .integer(6), .integer(3)]),
    ])
    let payload = MessagePackValue.map(["images": .map(["agentview": image, "wrist": image]), "state": .array([])])
    guard case .observation(let observation) = try codec.frame(frame("observation", payload)).body else {
      Issue.record("no observation")
      return
    }
    #expect(observation.pictures[0].image == .pixels(width: 6, height: 4, fixtures.image.bytes[...]))
  }

  @Test func `the only picture is the only camera's, and the state has two names`() throws {
    let single = VLACodec(keys: VLAKeys(camerasNamed: ["corner2"]))
    guard case .observation(let observation) = try single.frame(bytes("observation states")).body else {
      Issue.record("no observation")
      return
    }
    #expect(observation.pictures.map(\.camera) == ["corner2"])
    #expect(observation.state == [Double](repeating: 1, count: 8))
  }

  private func frame(_ kind: String, _ payload: MessagePackValue, seq: MessagePackValue = .integer(7)) throws -> [UInt8]
  {
    try MessagePackValue.map(["type": .text(kind), "payload": payload, "seq": seq, "timestamp": .integer(0)]).encoded()
  }

  @Test func `a refusal knows which frame it answers`() throws {
    let single = VLACodec(keys: VLAKeys(camerasNamed: ["corner2"]))
    let missing = #expect(throws: VLAError.self) { try single.frame(bytes("observation raw")) }
    #expect(missing?.sequence == 3)
    #expect(missing?.fault.subject == "payload.images.corner2")
    #expect(missing?.fault.message.contains("found “agentview”, “wrist”") == true)
    for (bytes, subject, sequence) in [
      (try frame("dance", .map([:])), "payload", 7), (try frame("hello", .map([:])), "payload.protocol_version", 7),
      (try frame("hello", .map(["protocol_version": .integer(2)])), "payload.protocol_version", 7),
      (try frame("hello", .none), "payload", 7), (try frame("hello", .map([:]), seq: .text("1")), "seq", 0),
      (try frame("observation", .map(["images": .map(["agentview": .none])])), "payload.images.agentview", 7),
      ([0x80], "seq", 0),
    ] {
      let error = #expect(throws: VLAError.self) { try codec.frame(bytes) }
      #expect(error?.fault.subject == subject)
      #expect(error?.sequence == sequence)
    }
  }

  @Test func `an action is what vla-eval's own packer writes`() throws {
    let action = VLAAction([0, 1, 2, 3], shape: [4], extras: ["deadline_ms": 80])
    #expect(try codec.action(action, answering: 3, at: 1_700_000_000.5) == bytes("action"))
    #expect(throws: VLAError.self) { try codec.action(VLAAction([0], shape: [2]), answering: 3, at: 0) }
  }

  @Test func `the server says what it is`() throws {
    let position = VLASpecification(name: "position", dimensions: 3, format: "delta_xyz", range: -1...1)
    let picture = VLASpecification(
      name: "image", dimensions: 0, format: "rgb_hwc_uint8", accepts: ["b", "a"], note: "n")
    let server = VLAServer(
      name: "uio2", action: [.init("position", position)], observation: [.init("image", picture)],
      observationOptions: ["send_state": true], facts: ["policy_digest": "ab"])
    let value = try MessagePackValue(decoding: codec.hello(server, answering: 1, at: 2))
    let expected = MessagePackValue.map([
      "type": .text("hello"),
      "payload": .map([
        "harness_version": .text("0.8.0"), "protocol_version": .integer(1), "model_server": .text("uio2"),
        "capabilities": .map(["policy_digest": .text("ab")]), "observation_params": .map(["send_state": .bool(true)]),
        "action_spec": .map([
          "position": .map([
            "name": .text("position"), "dims": .integer(3), "format": .text("delta_xyz"),
            "range": .array([.double(-1), .double(1)]),
          ])
        ]),
        "observation_spec": .map([
          "image": .map([
            "name": .text("image"), "dims": .integer(0), "format": .text("rgb_hwc_uint8"),
            "accepts": .array([.text("a"), .text("b")]), "description": .text("n"),
          ])
        ]),
      ]),
      "seq": .integer(1), "timestamp": .double(2),
    ])
    #expect(value == expected)
  }

  @Test(arguments: UInt64(0)..<4) func `changed frames`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let messages = fixtures.frames.sorted { $0.key < $1.key }.map(\.value.bytes)
    for round in 0..<5_000 {
      do throws(VLAError) {
        _ = try codec.frame(random.mutated(messages[round % messages.count]))
      } catch {
        #expect(error.description.utf8.count < 2_000 && error.description.utf8.allSatisfy { $0 >= 0x20 })
      }
    }
  }
}
