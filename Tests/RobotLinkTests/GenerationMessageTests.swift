import ProtobufCodec
import RobotInterface
import Testing

@Suite("A question to the model travels whole, or is refused with the field at fault")
struct GenerationMessageTests {
  private let picture = CameraFrame(camera: "", encoding: .rgb8, width: 1, height: 1, data: [1, 2, 3])

  private func refusal(_ request: GenerationRequest) -> RobotError? {
    refusal(RequestMessage(requestID: 1, sessionID: "s", body: .generate(request)))
  }

  private func refusal(_ request: RequestMessage) -> RobotError? {
    do throws(RobotError) {
      _ = try request.encoded()
      return nil
    } catch {
      return error
    }
  }

  private func decoded(_ build: (inout WireWriter) -> Void) throws -> GenerationRequest {
    let request = try RequestMessage(decoding: WireWriter.request { $0.message(15, build) })
    guard case .generate(let generation) = request.body else { throw RobotError(.internal, "test", "no generation") }
    return generation
  }

  @Test func `what an older client leaves out is the default`() throws {
    let request = try decoded { $0.text(1, "cup") }
    #expect(request == GenerationRequest(prompt: "cup"))
    #expect(request.temperature == nil)
    #expect(request.output == .text)
    #expect(request.progressInterval == nil)
  }

  @Test func `a temperature of 0 is not the same as none`() throws {
    for temperature in [nil, 0, 0.5] as [Float?] {
      let request = GenerationRequest(prompt: "cup", output: .image, temperature: temperature, guidance: temperature)
      let message = RequestMessage(requestID: 1, sessionID: "s", body: .generate(request))
      #expect(try RequestMessage(decoding: message.encoded()) == message)
    }
  }

  /// A change that makes a good request a bad one, and the field that is then named.
  struct Change: Sendable {
    var field: String
    var apply: @Sendable (inout GenerationRequest) -> Void

    init(_ field: String, _ apply: @escaping @Sendable (inout GenerationRequest) -> Void) {
      self.field = "generate." + field
      self.apply = apply
    }
  }

  static let changes: [Change] = [
    Change("temperature") { $0.temperature = .nan }, Change("temperature") { $0.temperature = -1 },
    Change("top_p") { $0.topP = .nan }, Change("top_p") { $0.topP = 1.5 },
    Change("top_k") { $0.topK = 0 }, Change("top_k") { $0.topK = .max },
    Change("maximum_tokens") { $0.maximumTokens = 0 }, Change("maximum_tokens") { $0.maximumTokens = .max },
    Change("maximum_tokens") { ($0.maximumTokens, $0.output) = (9, .image) },
    Change("beams") { $0.beams = 0 }, Change("beams") { $0.beams = ProtocolLimits.maximumBeams + 1 },
    Change("beams") { ($0.beams, $0.temperature) = (2, 1) }, Change("beams") { ($0.beams, $0.output) = (2, .audio) },
    Change("guidance") { $0.guidance = 1 }, Change("guidance") { ($0.guidance, $0.output) = (.infinity, .image) },
    Change("negative_prompt") { $0.negativePrompt = "fog" },
    Change("box") { $0.box = .init(minX: 1, minY: 1, maxX: 2, maxY: 2) },
    Change("progress_interval") { $0.progressInterval = 999_999 },
    Change("prompt") { $0.prompt = String(repeating: "a", count: ProtocolLimits.maximumTextBytes + 1) },
    Change("prompt") { $0.prompt = "a\0b" },
    Change("audio") { $0.audio = [UInt8](repeating: 0, count: ProtocolLimits.maximumAudioBytes + 1) },
  ]

  @Test(arguments: changes.indices) func `options out of range, or that do not go together`(index: Int) {
    let change = Self.changes[index]
    var request = GenerationRequest(prompt: "cup")
    change.apply(&request)
    #expect(refusal(request)?.subject == change.field)
  }

  @Test(arguments: [Float.nan, .infinity, 1, 0.5]) func `a box without area or end`(edge: Float) {
    let box = GenerationRequest.Box(minX: 1, minY: 1, maxX: edge, maxY: 2)
    #expect(refusal(GenerationRequest(prompt: "", images: [picture], box: box))?.subject == "generate.box")
  }

  @Test func `a modality that does not exist`() {
    #expect(throws: RobotError.self) { try decoded { $0.number(8, 9) } }
  }

  @Test func `the same box twice`() {
    #expect(throws: RobotError.self) {
      try decoded {
        $0.message(12) { _ in }
        $0.message(12) { _ in }
      }
    }
  }

  private func isRefused(_ body: ReplyMessage.Body) -> Bool {
    (try? ReplyMessage(requestID: 1, sessionID: "s", body: body).encoded()) == nil
  }

  @Test func `answers that must not be sent`() {
    func media(_ count: Int) -> ReplyMessage.Body {
      let media = GenerationResult.Media(kind: .png, bytes: [UInt8](repeating: 0, count: count))
      return .generation(GenerationResult(finishReason: .end, media: media))
    }
    #expect(isRefused(media(0)))
    #expect(isRefused(media(ProtocolLimits.maximumMediaBytes + 1)))
    for confidence in [Double.nan, -1, 0, 1.5] {
      #expect(isRefused(.generation(GenerationResult(finishReason: .end, confidence: confidence))))
    }
    for progress in [
      GenerationProgress(tokens: 0, limit: 5), GenerationProgress(tokens: 6, limit: 5),
      GenerationProgress(tokens: 1, limit: .max), GenerationProgress(tokens: 1, limit: 5, tokensPerSecond: .nan),
      GenerationProgress(tokens: 1, limit: 5, remaining: 0),
      GenerationProgress(
        tokens: 1, limit: 5, text: String(repeating: "a", count: ProtocolLimits.maximumTextBytes + 1)),
    ] {
      #expect(isRefused(.progress(progress)))
    }
  }

  @Test func `the largest picture fits into a message`() throws {
    let media = GenerationResult.Media(
      kind: .png, bytes: [UInt8](repeating: 0, count: ProtocolLimits.maximumMediaBytes))
    let text = String(repeating: "a", count: ProtocolLimits.maximumTextBytes)
    let tokens = [Int32](repeating: .min, count: ProtocolLimits.maximumTokens)
    let reply = ReplyMessage(
      requestID: .max, sessionID: "s",
      body: .generation(GenerationResult(text: text, tokens: tokens, finishReason: .end, media: media)))
    #expect(try reply.encoded().count <= ProtocolLimits.maximumMessageBytes)
  }

  @Test func `media of no known kind`() {
    let bytes = WireWriter.request {
      $0.message(13) { generation in
        generation.text(3, "end")
        generation.content(5, [1])
        generation.text(6, "video/mp4")
      }
    }
    #expect(throws: RobotError.self) { try ReplyMessage(decoding: bytes) }
  }
}
