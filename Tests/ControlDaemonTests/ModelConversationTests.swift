import ControlDaemon
import Foundation
import RobotInterface
import RobotLink
import RobotPolicy
import Testing
import UnifiedIO

/// A tiny checkpoint with random weights, and the shipped policy, asked over ipc.
@Suite("Any checkpoint answers over the wire")
struct ModelConversationTests {
  private static let repository = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  private static let checkpoint = repository.appending(path: "Tests/UnifiedIOTests/Fixtures/tiny-a")

  private func daemon(_ policy: any ObservationPolicy) throws -> RunningDaemon {
    try RunningDaemon(policy, endpoint: "ipc:///tmp/uio2-model-\(UUID().uuidString.prefix(8))")
  }

  private func media(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: Self.checkpoint.appending(path: "media/\(name)")))
  }

  private func picture() throws -> CameraFrame {
    CameraFrame(camera: "", encoding: .png, width: 300, height: 100, data: try media("img_100x300.png"))
  }

  @Test func `a bare model greets without cameras, answers people, and refuses robots`() throws {
    let daemon = try daemon(BareModel(directory: Self.checkpoint, serverVersion: "test"))
    defer { daemon.stop() }
    let client = try daemon.client()
    let capabilities = try client.hello(clientName: "", clientVersion: "")
    #expect(capabilities.policyName == "tiny-a")
    #expect(capabilities.cameras.isEmpty && capabilities.actions.isEmpty && capabilities.proprioception.isEmpty)
    #expect(refusal { () throws(ClientError) in try client.act(on: .sample(1)) }?.code == .unsupported)
    #expect(try !client.generate(GenerationRequest(prompt: "x", maximumTokens: 2)).tokens.isEmpty)
  }

  @Test func `text is what the model says on its own, with its stages`() throws {
    let daemon = try daemon(BareModel(directory: Self.checkpoint))
    defer { daemon.stop() }
    let client = try daemon.client()
    let runner = try TaskRunner(directory: Self.checkpoint)
    var input = TaskInput(prompt: "What is {box} ?", image: try Image.decode(media("img_100x300.png")))
    input.box = PixelBox(minX: 10, minY: 20, maxX: 90, maxY: 80)
    for beams in [1, 2] {
      let expected = try runner.follow(input, settings: TaskSettings(maximumTokens: 6, beams: beams))
      var reports: [GenerationProgress] = []
      let answer = try client.generate(
        GenerationRequest(
          prompt: input.prompt, images: [picture()], box: .init(minX: 10, minY: 20, maxX: 90, maxY: 80),
          maximumTokens: 6, beams: beams, progressInterval: 1_000_000)
      ) { reports.append($0) }
      #expect(answer.tokens == expected.generation.tokens)
      #expect(answer.text == expected.text)
      #expect(answer.confidence == expected.generation.confidence)
      #expect(answer.media == nil)
      #expect(reports.first?.tokens == 1)
      if beams == 1 {
        #expect(answer.finishReason.rawValue == expected.generation.finishReason.rawValue)
        for report in reports {
          #expect(report.text == runner.tokenizer.decode(Array(answer.tokens.prefix(report.tokens))))
        }
      }
      for stage in [RobotInterface.Stage.queue, .decode, .encode, .generate] { #expect(answer.timings[stage] > 0) }
    }
  }

  @Test func `a picture and a sound come as files`() throws {
    let daemon = try daemon(BareModel(directory: Self.checkpoint))
    defer { daemon.stop() }
    let client = try daemon.client()
    let answer = try client.generate(
      GenerationRequest(prompt: "a red block", output: .image, images: [picture()], seed: 3))
    let png = try #require(answer.media)
    #expect(png.kind == .png)
    let image = try Image.decode(png.bytes)
    #expect((image.width, image.height) == (300, 100))
    let expected = try TaskRunner(directory: Self.checkpoint).makePicture(
      for: TaskInput(prompt: "a red block", image: try Image.decode(media("img_100x300.png"))),
      settings: MediaSettings(seed: 3))
    #expect(image == expected)

    let heard = try client.generate(
      GenerationRequest(prompt: "rain", output: .audio, audio: media("short2p5s_16k_mono.wav")))
    let wav = try #require(heard.media)
    #expect(wav.kind == .wav)
    #expect(try Sound.decode(wav.bytes).sampleRate == 16_000)
    #expect(heard.timings[.post] > 0)
  }

  @Test(arguments: [1, 2]) func `a text that is cancelled holds what was said, and no time of others`(beams: Int) throws
  {
    let model = try BareModel(directory: Self.checkpoint)
    let request = GenerationRequest(prompt: "What is this?", maximumTokens: 50, beams: beams)
    let prepared = try model.prepare(request, cancellation: Cancellation())
    let begin = ContinuousClock.now
    let answer = try model.generate(request, prepared: prepared) { moment in
      Thread.sleep(forTimeInterval: 0.2)
      return moment.tokens < 3
    }
    #expect(answer.finishReason == .cancelled)
    #expect(answer.tokens.count == 3)
    #expect(!answer.text.isEmpty)
    // The others took 0.2 s three times at least.
    let most = begin.duration(to: .now) - .milliseconds(600)
    #expect(.nanoseconds(Int64(answer.timings.total)) <= most, "\(answer.timings.total) ns of work, \(most) at most")
    let nothing = try model.generate(request, prepared: prepared) { _ in false }
    #expect(nothing.finishReason == .cancelled)
    #expect(nothing.tokens.isEmpty)
  }

  @Test func `a picture that is cancelled is none`() throws {
    let daemon = try daemon(BareModel(directory: Self.checkpoint))
    defer { daemon.stop() }
    let client = try daemon.client()
    let answer = try client.generate(
      GenerationRequest(prompt: "a red block", output: .image, progressInterval: 1_000_000), isCancelled: { true })
    #expect(answer.finishReason == .cancelled)
    #expect(answer.media == nil)
  }

  @Test func `what cannot be read or written is refused with its field`() throws {
    let daemon = try daemon(BareModel(directory: Self.checkpoint))
    defer { daemon.stop() }
    let client = try daemon.client()
    var lying = try picture()
    lying.width = 301
    var broken = try picture()
    broken.data = Array(broken.data.prefix(200))
    let large = CameraFrame(
      camera: "", encoding: .rgb8, width: 2600, height: 2040, data: [UInt8](repeating: 0, count: 2600 * 2040 * 3))
    let outside = GenerationRequest.Box(minX: 700, minY: 10, maxX: 800, maxY: 20)
    for (request, code, field) in [
      (GenerationRequest(prompt: "x", audio: [1, 2, 3]), .invalidAudio, "generate.audio"),
      (
        GenerationRequest(prompt: "x", audio: Array(try media("tone6s_16k_mono.wav").prefix(30))), .invalidAudio,
        "generate.audio"
      ),
      (GenerationRequest(prompt: "x", images: [lying]), .invalidImage, "generate.images[0]"),
      (GenerationRequest(prompt: "x", images: [broken]), .invalidImage, "generate.images[0].data"),
      (
        GenerationRequest(prompt: "x", images: [CameraFrame](repeating: try picture(), count: 20)), .invalidImage,
        "generate.images"
      ),
      (GenerationRequest(prompt: "x {box}", images: [try picture()], box: outside), .malformed, "generate.box"),
      (GenerationRequest(prompt: "x", output: .image, images: [large]), .tooLarge, "generate.images[0]"),
      (
        GenerationRequest(prompt: String(repeating: "word ", count: 5_000)), .invalidInstruction, "generate.prompt"
      ),
    ] as [(GenerationRequest, RobotError.Code, String)] {
      let error = refusal { () throws(ClientError) in try client.generate(request) }
      #expect(error?.code == code)
      #expect(error?.subject == field)
    }
    #expect(try !client.generate(GenerationRequest(prompt: "x", maximumTokens: 2)).tokens.isEmpty)
  }

  @Test func `the shipped policy's model answers too, in text alone, while its robot flies`() throws {
    let bundle = try PolicyBundle.load(from: Self.repository.appending(path: "Policies/metaworld-mt5"))
    let daemon = try daemon(UnifiedIOPolicy(bundle: bundle))
    defer { daemon.stop() }
    let person = try daemon.client("person")
    for (output, field) in [(GenerationRequest.Output.image, "generate.output"), (.audio, "generate.output")] {
      let error = refusal { () throws(ClientError) in
        try person.generate(GenerationRequest(prompt: "x", output: output))
      }
      #expect(error?.code == .unsupported)
      #expect(error?.subject == field)
    }
    let capabilities = try person.hello(clientName: "", clientVersion: "")
    let frames = capabilities.cameras.map { camera in
      CameraFrame(
        camera: camera.name, encoding: .rgb8, width: camera.width, height: camera.height,
        data: [UInt8](repeating: 99, count: camera.width * camera.height * 3))
    }
    func look(_ sequence: UInt64) -> Observation {
      Observation(
        sequence: sequence, capturedAt: sequence, sentAt: sequence, frames: frames,
        proprioception: capabilities.proprioception.map { ($0.minimum + $0.maximum) / 2 },
        instruction: capabilities.instructions[0], clock: .simulated)
    }
    let alone = try daemon.client("first").act(on: look(1)).tokens
    let answer = try person.generate(GenerationRequest(prompt: "hello", maximumTokens: 200)).tokens
    let id = try person.send(
      .generate(GenerationRequest(prompt: "hello", maximumTokens: 200, progressInterval: 1_000_000)))
    var reply = try person.receive()
    // Neither disturbs the other: both say what they say alone.
    #expect(try daemon.client("second").act(on: look(1)).tokens == alone)
    while !reply.body.isFinal { reply = try person.receive() }
    #expect(reply.requestID == id)
    guard case .generation(let beside) = reply.body else {
      Issue.record("\(reply)")
      return
    }
    #expect(beside.tokens == answer)
  }
}
