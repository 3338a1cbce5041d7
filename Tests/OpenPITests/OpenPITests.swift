import MessagePack
import OpenPI
import TestSupport
import Testing

@Suite("openpi's messages")
struct OpenPITests {
  private struct Fixtures: Decodable {
    var image: Hex
    var mirrored: Hex
    var libero: Hex
    var droid: Hex
    var aloha: Hex
    var reply: Hex
  }

  private let fixtures: Fixtures
  private let libero = OpenPICodec(keys: OpenPIKeys(camerasNamed: ["front", "wrist"]))

  init() throws { fixtures = try Recorded.load(Fixtures.self, of: "OpenPITests") }

  private func picture(_ camera: String, _ hex: Hex) -> OpenPIObservation.Picture {
    .init(camera: camera, image: .pixels(width: 6, height: 4, hex.bytes[...]))
  }

  @Test func `an observation with openpi's own keys`() throws {
    let observation = try libero.observation(fixtures.libero.bytes)
    #expect(observation.pictures == [picture("front", fixtures.image), picture("wrist", fixtures.mirrored)])
    #expect(observation.state == [0.5, -1.25, 3])
    #expect(observation.prompt == "push the puck")
    #expect(!observation.beginsEpisode)
  }

  @Test func `keys of another robot, and more than were asked for`() throws {
    let keys = OpenPIKeys(
      cameras: [.init(name: "left", key: "observation/exterior_image_1_left")],
      state: ["observation/joint_position", "observation/gripper_position"])
    let observation = try OpenPICodec(keys: keys).observation(fixtures.droid.bytes)
    #expect(observation.pictures == [picture("left", fixtures.image)])
    #expect(observation.state == (0..<7).map { Double($0) / 8 } + [0.25])
    #expect(observation.beginsEpisode)
  }

  @Test func `maps within the map, planes and floats`() throws {
    let keys = OpenPIKeys(
      cameras: [.init(name: "high", key: "images/cam_high"), .init(name: "low", key: "images/cam_low")],
      state: ["state"])
    let observation = try OpenPICodec(keys: keys).observation(fixtures.aloha.bytes)
    #expect(observation.pictures[0] == picture("high", fixtures.image))
    // 255 · (n / 255) as 32-bit floats, cut off as openpi's own policies do.
    guard case .pixels(6, 4, let low) = observation.pictures[1].image else {
      Issue.record("no pixels")
      return
    }
    #expect(zip(low, fixtures.image.bytes).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
    #expect(observation.state == [Double](repeating: 1, count: 14))
  }

  @Test func `a missing key is named with those that are expected`() throws {
    let keys = OpenPIKeys(cameras: [.init(name: "front", key: "observation/front")])
    let error = #expect(throws: OpenPIError.self) { try OpenPICodec(keys: keys).observation(fixtures.libero.bytes) }
    #expect(error?.code == .missingKey)
    #expect(error?.subject == "observation/front")
    #expect(
      error?.description
        == "missing_key: observation/front: the observation lacks it; expected observation/front, observation/state, "
        + "prompt (optional); found “observation/image”, “observation/wrist_image”, “observation/state”, “prompt”")
  }

  @Test func `an error says where`() throws {
    func refusal(_ change: (inout MessagePackMap) -> Void) throws -> OpenPIError? {
      guard case .map(var map) = try MessagePackValue(decoding: fixtures.libero.bytes) else { return nil }
      change(&map)
      let bytes = try MessagePackValue.map(map).encoded()
      return #expect(throws: OpenPIError.self) { try libero.observation(bytes) }
    }
    #expect(try refusal { $0.entries[0].value = .text("x") }?.subject == "observation/image")
    #expect(try refusal { $0.entries[2].value = .array([.none]) }?.subject == "observation/state[0]")
    #expect(try refusal { $0.entries[3].value = .integer(3) }?.subject == "prompt")
    #expect(
      try refusal { $0.entries[2].value = .array([.integer(0)] + .init(repeating: .integer(0), count: 4096)) }?.code
        == .tooLarge)
    let list = #expect(throws: OpenPIError.self) { try libero.observation([0x90]) }
    #expect(list?.code == .wrongType)
  }

  @Test func `openpi's naming by default`() {
    #expect(OpenPIKeys(camerasNamed: ["corner2"]).required == ["observation/image", "observation/state"])
    #expect(OpenPIKeys(camerasNamed: ["wrist"], hasState: false).required == ["observation/image"])
    #expect(
      OpenPIKeys(camerasNamed: ["left_wrist", "front", "back"], hasState: false).required
        == ["observation/wrist_image", "observation/image", "observation/back"])
  }

  @Test(arguments: [
    ["front", "image"], ["image", "front"], ["left_wrist", "wrist_image", "front"], ["wrist_image", "image", "wrist"],
    ["wrist", "image"], ["image", "wrist_image"], ["a", "b", "c", "wrist_image"],
  ])
  func `no two cameras have one key by default`(names: [String]) {
    let cameras = OpenPIKeys(camerasNamed: names).cameras
    #expect(Set(cameras.map(\.key)).count == names.count)
    for camera in cameras where ["image", "wrist_image"].contains(camera.name) {
      #expect(camera.key == "observation/\(camera.name)")
    }
  }

  @Test func `the beginning of an episode is a truth value, also numpy's`() throws {
    func begins(_ value: MessagePackValue) throws -> Bool {
      guard case .map(var map) = try MessagePackValue(decoding: fixtures.libero.bytes) else { return false }
      map.entries.append(.init(.text("reset"), value))
      return try libero.observation(MessagePackValue.map(map).encoded()).beginsEpisode
    }
    let scalar = { (truth: Bool) in
      MessagePackValue.map([
        "__npgeneric__": .bool(true), "data": .bool(truth), "dtype": .text("|b1"),
      ])
    }
    let array = MessagePackValue.map([
      "__ndarray__": .bool(true), "data": .binary([1]), "dtype": .text("|b1"), "shape": .array([]),
    ])
    for value in [.bool(true), .integer(1), scalar(true), array] { #expect(try begins(value)) }
    for value in [.bool(false), .integer(0), scalar(false), .none] { #expect(try !begins(value)) }
    for value in [MessagePackValue.integer(2), .text("yes"), .array([.integer(1), .integer(1)])] {
      let error = #expect(throws: OpenPIError.self) { try begins(value) }
      #expect(error?.code == .wrongType && error?.subject == "reset")
    }
  }

  @Test func `a reply is what openpi's own packer writes`() throws {
    let reply = OpenPIReply(
      actions: [0, 1, 2, 3, 4, 5], horizon: 2, dimensions: 3, serverTiming: ["infer_ms": 2.5],
      policyTiming: ["infer_ms": 1.5], extras: ["valid_for_ms": 80])
    #expect(try libero.reply(reply) == fixtures.reply.bytes)
    #expect(try libero.metadata() == [0x80])
    var short = reply
    short.horizon = 3
    #expect(throws: OpenPIError.self) { try libero.reply(short) }
  }

  @Test(arguments: UInt64(0)..<4) func `changed observations`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let messages = [fixtures.libero, fixtures.droid, fixtures.aloha].map(\.bytes)
    for round in 0..<5_000 {
      do throws(OpenPIError) {
        _ = try libero.observation(random.mutated(messages[round % 3]))
      } catch {
        #expect(error.description.utf8.count < 2_000 && error.description.utf8.allSatisfy { $0 >= 0x20 })
      }
    }
  }
}
