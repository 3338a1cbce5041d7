import RobotInterface
import RobotPolicy
import Testing
import UnifiedIO

@Suite("A policy that hears takes the instruction as words or as a sound")
struct SpokenInstructionTests {
  let model = FakeModel(.bins([999, 0, 500, 999]), maximumSoundDuration: 8.16)

  private func policy(replaces: Bool? = true, seconds: Double = 4) throws -> ModelPolicy<FakeModel> {
    let audio =
      replaces.map {
        "\"audio\": {\"name\": \"instruction\", \"maximum_duration_s\": \(seconds), \"replaces_instruction\": \($0)},"
      } ?? ""
    let text = ExamplePolicy.delta.replacing("\"proprioception\": [", with: "\(audio) \"proprioception\": [")
    return try ModelPolicy(
      specification: ExamplePolicy.specification(text), digest: "d", model: model, serverVersion: "1")
  }

  private func clip(_ byte: UInt8, _ encoding: AudioClip.Encoding = .file) -> AudioClip {
    AudioClip(encoding: encoding, data: Array("RIFF....WAVE".utf8) + [7, byte])
  }

  private func observation(_ instruction: String, _ audio: AudioClip?, step: UInt64 = 1) -> Observation {
    func frame(_ camera: String, _ width: Int, _ height: Int) -> CameraFrame {
      CameraFrame(
        camera: camera, encoding: .jpeg, width: width, height: height,
        data: [0xFF, 0xD8, 0xFF, 0xE0, UInt8(width), UInt8(height), UInt8(step)])
    }
    return Observation(
      sequence: step, capturedAt: step * 50_000_000, sentAt: step * 50_000_000,
      frames: [frame("top", 2, 2), frame("front", 4, 2)], proprioception: [0, 0.6, 0.2, 1], instruction: instruction,
      audio: audio)
  }

  private func error(_ policy: ModelPolicy<FakeModel>, _ observation: Observation) -> RobotError? {
    var context = EpisodeContext()
    do {
      _ = try policy.act(on: observation, context: &context)
      return nil
    } catch {
      return error
    }
  }

  @Test func `a sound goes in as audio, and its words are in no prompt`() throws {
    let policy = try policy()
    #expect(error(policy, observation("", clip(9))) == nil)
    #expect(model.lastPrompt?.text == "State: <extra_id_700> <extra_id_628> <extra_id_600> <extra_id_1199>")
    #expect(model.inputs.last?.audio?.patches == [9, 4])
    #expect(model.inputs.last?.audioHistory == [])
    #expect(error(policy, observation("", clip(201))) == nil)
    #expect(model.inputs.last?.audioHistory.count == 1)
    #expect(error(policy, observation("Close it.", nil)) == nil)
    #expect(model.lastPrompt?.text.hasPrefix("Close it. State:") == true)
    #expect(model.inputs.last?.audio == nil)
  }

  @Test func `words and a sound at once are refused, and neither`() throws {
    let policy = try policy()
    for (seen, field) in [
      (observation("Close it.", clip(9)), "observation.instruction"), (observation("", nil), "observation.instruction"),
    ] {
      #expect(error(policy, seen)?.code == .invalidInstruction)
      #expect(error(policy, seen)?.subject == field)
    }
    var parts = observation("", clip(9))
    parts.promptParts = [.text("Close it.")]
    #expect(error(policy, parts)?.code == .invalidInstruction)
    #expect(model.inputs.isEmpty)
  }

  @Test func `a sound that goes with the words has to be there`() throws {
    let policy = try policy(replaces: false)
    #expect(error(policy, observation("Close it.", clip(9))) == nil)
    #expect(model.lastPrompt?.text.hasPrefix("Close it. State:") == true)
    #expect(model.inputs.last?.audio != nil)
    #expect(error(policy, observation("Close it.", nil))?.code == .invalidAudio)
    #expect(error(policy, observation("", clip(9)))?.code == .invalidInstruction)
  }

  @Test func `a policy that hears nothing refuses a sound before anything is decoded`() throws {
    let policy = try policy(replaces: nil)
    for instruction in ["Close it.", ""] {
      let error = error(policy, observation(instruction, clip(9)))
      #expect(error?.code == .unsupported)
      #expect(error?.subject == "observation.audio")
    }
    #expect(model.decodings == FakeModel.Decoded())
    #expect(policy.capabilities.audio == nil)
  }

  @Test func `what cannot be a sound is refused before anything is decoded`() throws {
    let policy = try policy()
    for clip in [
      AudioClip(encoding: .file, data: []), AudioClip(encoding: .file, data: [1, 2, 3, 4]),
      AudioClip(encoding: .pcm16, data: [1, 2, 3]),
      AudioClip(encoding: .pcm16, data: [UInt8](repeating: 1, count: 2 * (4 * 16_000 + 2))),
      AudioClip(encoding: .file, data: Array("fLaC".utf8) + [UInt8](repeating: 0, count: 8 << 20)),
    ] {
      let error = error(policy, observation("", clip))
      #expect(error?.code == .invalidAudio)
      #expect(error?.subject == "observation.audio.data")
    }
    #expect(model.decodings == FakeModel.Decoded())
    let longest = AudioClip(encoding: .pcm16, data: [UInt8](repeating: 1, count: 2 * 4 * 16_000))
    #expect(error(policy, observation("", longest)) == nil)
  }

  @Test func `a sound that cannot be decoded is named`() throws {
    let policy = try policy()
    let error = error(policy, observation("", clip(0)))
    #expect(error?.code == .invalidAudio)
    #expect(error?.subject == "observation.audio.data")
    #expect(error?.message.contains("damaged") == true)
  }

  @Test func `a sound that stays the same is decoded once`() throws {
    let policy = try policy()
    for step: UInt64 in 1...5 { #expect(error(policy, observation("", clip(9), step: step)) == nil) }
    #expect(model.decodings == FakeModel.Decoded(pictures: 10, sounds: 1))
    #expect(model.inputs.map(\.audio?.patches) == [[Float]?](repeating: [9, 4], count: 5))
    // Of the same file in another encoding, and of another file, the sound is another one.
    #expect(error(policy, observation("", clip(9, .pcm16))) == nil)
    #expect(error(policy, observation("", clip(8))) == nil)
    #expect(model.decodings.sounds == 3)
    #expect(model.inputs.last?.audio?.patches == [8, 4])
    #expect(error(policy, observation("", clip(9))) == nil)
    #expect(model.decodings.sounds == 3)
    // What was refused is not remembered.
    for _ in 0..<2 { #expect(error(policy, observation("", clip(0))) != nil) }
    #expect(model.decodings.sounds == 5)
  }

  @Test func `any number of sounds may come, and the newest are known`() throws {
    let policy = try policy()
    func sound(_ index: Int) -> AudioClip {
      AudioClip(encoding: .file, data: Array("fLaC".utf8) + [UInt8(index / 250), UInt8(index % 250 + 1)])
    }
    for index in 0..<300 {
      #expect(error(policy, observation("", sound(index))) == nil)
      // One that is used all the time stays.
      #expect(error(policy, observation("", clip(9))) == nil)
    }
    #expect(model.decodings.sounds == 301)
    #expect(error(policy, observation("", sound(299))) == nil)
    #expect(model.decodings.sounds == 301)
    #expect(error(policy, observation("", sound(0))) == nil)
    #expect(model.decodings.sounds == 302)
  }

  @Test func `preparing decodes the sound, and the step does not do it again`() throws {
    let policy = try policy()
    let seen = observation("", clip(9))
    let prepared = policy.prepare(seen, cancellation: Cancellation())
    #expect(model.decodings == FakeModel.Decoded(pictures: 2, sounds: 1))
    var steps = [PolicyStep(observation: seen, context: EpisodeContext(), prepared: prepared)]
    _ = try #require(policy.act(on: &steps).first).get()
    #expect(model.decodings == FakeModel.Decoded(pictures: 2, sounds: 1))
    #expect(model.inputs.last?.audio != nil)
  }

  @Test func `capabilities say what is heard, and the warm-up hears it`() throws {
    let policy = try policy(seconds: 2.5)
    #expect(
      policy.capabilities.audio
        == Capabilities.Audio(name: "instruction", maximumDuration: 2.5, replacesInstruction: true))
    try policy.warmUp()
    #expect(model.inputs.map { $0.audio == nil } == [true, false])
    let other = try self.policy(replaces: false)
    try other.warmUp()
    #expect(model.inputs.count == 3 && model.inputs.last?.audio != nil)
  }

  @Test func `a policy cannot hear longer than its model`() throws {
    #expect(throws: Never.self) { try policy(seconds: 8.16) }
    let error = #expect(throws: PolicyError.self) { try policy(seconds: 8.2) }
    #expect(error?.code == .incompatibleModel)
    #expect(error?.subject == "audio.maximum_duration_s")
  }

  @Test(arguments: [
    ("\"replaces_instruction\": 1", "audio.replaces_instruction"), ("\"replaces_instructions\": true", "audio"),
    ("\"maximum_duration_s\": 0", "audio.maximum_duration_s"),
    ("\"maximum_duration_s\": 61", "audio.maximum_duration_s"),
    ("\"name\": \"\"", "audio.name"),
  ])
  func `a section that says something else is refused by its key`(member: String, subject: String) throws {
    var members = [
      "name": "\"name\": \"x\"", "maximum_duration_s": "\"maximum_duration_s\": 4",
      "replaces_instruction": "\"replaces_instruction\": true",
    ]
    let key = member.split(separator: "\"")[0]
    members[key == "replaces_instructions" ? "replaces_instruction" : String(key)] = member
    let text = ExamplePolicy.delta.replacing(
      "\"proprioception\": [", with: "\"audio\": {\(members.values.joined(separator: ", "))}, \"proprioception\": [")
    let error = #expect(throws: PolicyError.self) { try ExamplePolicy.specification(text) }
    #expect(error?.subject.hasPrefix(subject) == true, "\(error.map(String.init(describing:)) ?? "")")
  }
}
