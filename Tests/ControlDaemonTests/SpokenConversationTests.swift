import ControlDaemon
import Foundation
import RobotInterface
import RobotLink
import RobotPolicy
import Testing
import UnifiedIO

/// A policy around a tiny checkpoint with random weights that hears, asked over ipc.
@Suite("A robot whose instruction is spoken is answered over the wire")
final class SpokenConversationTests {
  private static let repository = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  private static let checkpoint = repository.appending(path: "Tests/UnifiedIOTests/Fixtures/tiny-a")
  private let folder: URL
  private let policy: UnifiedIOPolicy

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "spoken-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for name in ["config.json", "model.safetensors", "tokenizer.model"] {
      try FileManager.default.copyItem(at: Self.checkpoint.appending(path: name), to: folder.appending(path: name))
    }
    let text = """
      {
        "format_version": 1, "name": "hears", "model": ".", "tokenizer": "tokenizer.model",
        "prompt": {"template": "{instruction} State: {state}"}, "instructions": "free",
        "cameras": [
          {"name": "front", "input": "image", "width": 48, "height": 32, "earlier_frames": 1},
          {"name": "top", "input": "image_history", "width": 32, "height": 32}
        ],
        "audio": {"name": "instruction", "maximum_duration_s": 8, "replaces_instruction": true},
        "proprioception": [{"name": "end_effector_x", "unit": "m", "minimum": -0.5, "maximum": 0.5}],
        "action_space": {
          "type": "continuous", "chunk_length": 2, "frame": "base", "mode": "delta",
          "dimensions": [
            {"name": "delta_x", "unit": "m", "minimum": -0.01, "maximum": 0.01, "role": "translation_x"}
          ]
        },
        "control": {"rate_hz": 50, "hold": "zero", "deadline_ms": 10000},
        "limits": "none"
      }
      """
    try Data(text.utf8).write(to: folder.appending(path: "policy.json"))
    policy = try UnifiedIOPolicy(bundle: PolicyBundle.load(from: folder))
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private func sound(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: Self.checkpoint.appending(path: "media/\(name).wav")))
  }

  private func look(_ sequence: UInt64, _ instruction: String = "", _ audio: AudioClip? = nil) -> Observation {
    func frame(_ camera: String, _ width: Int, _ height: Int) -> CameraFrame {
      CameraFrame(
        camera: camera, encoding: .rgb8, width: width, height: height,
        data: (0..<width * height * 3).map { UInt8(truncatingIfNeeded: $0 &* Int(sequence + 3) / 7) })
    }
    return Observation(
      sequence: sequence, capturedAt: sequence, sentAt: sequence,
      frames: [frame("front", 48, 32), frame("top", 32, 32)],
      proprioception: [0.25], instruction: instruction, clock: .simulated, audio: audio)
  }

  private func daemon(_ policy: any ObservationPolicy) throws -> RunningDaemon {
    try RunningDaemon(policy, endpoint: "ipc:///tmp/uio2-spoken-\(UUID().uuidString.prefix(8))")
  }

  @Test func `a file and its samples are the same sound, and what is said matters`() throws {
    let daemon = try daemon(policy)
    defer { daemon.stop() }
    let robot = try daemon.client()
    let heard = try robot.hello(clientName: "", clientVersion: "").audio
    #expect(heard == .init(name: "instruction", maximumDuration: 8, replacesInstruction: true))
    let file = try sound("short2p5s_16k_mono")
    let clips = [
      AudioClip(encoding: .file, data: file), AudioClip(encoding: .pcm16, data: Array(file.dropFirst(44))),
      AudioClip(encoding: .file, data: try sound("chirp7s_44k1_stereo")),
    ]
    var answers: [ActionChunk] = []
    for (sequence, clip) in zip(UInt64(1)..., clips) {
      _ = try robot.reset()
      var seen = look(1, "", clip)
      seen.sequence = sequence
      answers.append(try robot.act(on: seen))
    }
    #expect(answers[0].tokens == answers[1].tokens && answers[0].confidence == answers[1].confidence)
    #expect(answers[0].confidence != answers[2].confidence)
    for answer in answers { #expect(answer.actions.count == 2) }
  }

  @Test func `the encoder is given what a question with the same sound is given`() throws {
    let model = policy.model.runner
    let clip = AudioClip(encoding: .file, data: try sound("short2p5s_16k_mono"))
    let input = try policy.modelInput(for: look(1, "", clip))
    let expected = try model.preprocessor.audioInput(Sound.decode(clip.data))
    #expect(input.audio == expected.audio)
    #expect(input.audioHistory.isEmpty)
    // A question about 6 seconds leaves out the last 1.92; an instruction is heard to its end.
    let long = AudioClip(encoding: .file, data: try sound("tone6s_16k_mono"))
    let whole = try policy.modelInput(for: look(1, "", long))
    #expect(whole.audioHistory.count == 1)
    #expect(whole.audio?.mask.contains(true) == true && whole.audio?.mask.contains(false) == true)
    #expect(try policy.modelInput(for: look(1, "Push.")).audio == nil)
  }

  @Test func `what cannot be heard is refused by name, and the robot goes on`() throws {
    let daemon = try daemon(policy)
    defer { daemon.stop() }
    let robot = try daemon.client()
    let silence = AudioClip(encoding: .pcm16, data: [UInt8](repeating: 0, count: 32_000))
    let file = try sound("short2p5s_16k_mono")
    for (clip, instruction, code) in [
      (silence, "", .invalidAudio),
      (AudioClip(encoding: .file, data: try sound("tone13s_16k_mono")), "", .invalidAudio),
      (AudioClip(encoding: .file, data: Array(file.prefix(30))), "", .invalidAudio),
      (AudioClip(encoding: .file, data: file), "Push.", .invalidInstruction),
    ] as [(AudioClip, String, RobotError.Code)] {
      let error = refusal { () throws(ClientError) in try robot.act(on: look(1, instruction, clip)) }
      #expect(error?.code == code, "\(error.map(String.init(describing:)) ?? "")")
    }
    #expect(try !robot.act(on: look(1, "Push.")).actions.isEmpty)
  }

  @Test func `a sound that stays the same is not encoded again`() throws {
    let clip = AudioClip(encoding: .file, data: try sound("short2p5s_16k_mono"))
    var context = EpisodeContext()
    func misses(_ sequence: UInt64, _ instruction: String, _ audio: AudioClip?) throws -> Int {
      let before = policy.model.runner.model.encodings.statistics.misses
      _ = try policy.act(on: look(sequence, instruction, audio), context: &context)
      return policy.model.runner.model.encodings.statistics.misses - before
    }
    _ = try misses(1, "Push.", nil)
    let silent = try misses(2, "Push.", nil)
    let first = try misses(3, "", clip)
    #expect(first > silent)
    for sequence in UInt64(4)..<20 { #expect(try misses(sequence, "", clip) == silent) }
  }

  @Test func `robots that speak are answered together as each alone`() throws {
    let clips = [
      AudioClip(encoding: .file, data: try sound("short2p5s_16k_mono")), nil,
      AudioClip(encoding: .file, data: try sound("tone6s_16k_mono")),
    ]
    let seen = clips.enumerated().map { look(UInt64($0 + 1), $1 == nil ? "Push." : "", $1) }
    var steps = seen.map { PolicyStep(observation: $0, context: EpisodeContext()) }
    for (result, observation) in zip(policy.act(on: &steps), seen) {
      var context = EpisodeContext()
      let alone = try policy.act(on: observation, context: &context)
      let together = try result.get()
      #expect(together.tokens == alone.tokens && together.confidence == alone.confidence)
    }
  }

  @Test func `the shipped policy hears nothing, and says so`() throws {
    let bundle = try PolicyBundle.load(from: Self.repository.appending(path: "Policies/metaworld-mt5"))
    let daemon = try daemon(UnifiedIOPolicy(bundle: bundle))
    defer { daemon.stop() }
    let robot = try daemon.client()
    let capabilities = try robot.hello(clientName: "", clientVersion: "")
    #expect(capabilities.audio == nil)
    var seen = try #require(RecordedObservations(of: bundle).observations.first)
    seen.clock = .simulated
    seen.audio = AudioClip(encoding: .file, data: try sound("short2p5s_16k_mono"))
    let error = refusal { () throws(ClientError) in try robot.act(on: seen) }
    #expect(error?.code == .unsupported)
    #expect(error?.subject == "observation.audio")
    seen.audio = nil
    #expect(try !robot.act(on: seen).actions.isEmpty)
  }
}
