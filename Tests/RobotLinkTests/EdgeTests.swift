import ProtobufCodec
import RobotInterface
import Testing

/// A message of which something is as large as a test says.
private struct Edge: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var limit: Int
  /// What is refused: one more than the limit, or one less where it is a least.
  var beyond: Int
  var check: @Sendable (Int) throws -> Void

  init(_ name: String, _ limit: Int, beyond: Int? = nil, request: @escaping @Sendable (Int) -> RequestMessage) {
    (testDescription, self.limit, self.beyond) = (name, limit, beyond ?? limit + 1)
    check = { size in
      let message = request(size)
      let again = try RequestMessage(decoding: message.encoded())
      #expect(again == message)
    }
  }

  init(_ name: String, _ limit: Int, reply: @escaping @Sendable (Int) -> ReplyMessage.Body) {
    (testDescription, self.limit, beyond) = (name, limit, limit + 1)
    check = { size in
      let message = ReplyMessage(requestID: 1, sessionID: "arm", body: reply(size))
      let again = try ReplyMessage(decoding: message.encoded())
      #expect(again == message)
    }
  }
}

private func text(_ count: Int) -> String { String(repeating: "a", count: count) }

private func asked(_ body: RequestMessage.Body, session: String = "arm", token: [UInt8] = []) -> RequestMessage {
  RequestMessage(requestID: 1, sessionID: session, sessionToken: token, body: body)
}

private func seen(_ change: (inout Observation) -> Void) -> RequestMessage {
  var observation = Observation(sequence: 1, capturedAt: 1, sentAt: 1, frames: [], proprioception: [], instruction: "")
  change(&observation)
  return asked(.observation(observation))
}

private func frame(_ width: Int = 1, camera: String = "front") -> CameraFrame {
  CameraFrame(camera: camera, encoding: .jpeg, width: width, height: 1, data: [1])
}

private func question(_ change: (inout GenerationRequest) -> Void) -> RequestMessage {
  var request = GenerationRequest(prompt: "What is it?")
  change(&request)
  return asked(.generate(request))
}

private func chunk(_ change: (inout ActionChunk) -> Void) -> ReplyMessage.Body {
  var chunk = ActionChunk(
    observationSequence: 1, capturedAt: 1, validUntil: 2, actions: [Action(values: [1])], tokens: [], text: "",
    confidence: 1, timings: StageTimings())
  change(&chunk)
  return .actionChunk(chunk)
}

private func described(_ change: (inout Capabilities) -> Void) -> ReplyMessage.Body {
  var capabilities = Capabilities(
    policyName: "p", policyDigest: "d", serverVersion: "1", cameras: [], proprioception: [], actions: [],
    actionFrame: "base", actionMode: .delta, hold: .zero, chunkLength: 1, controlRate: 10, limits: .init())
  change(&capabilities)
  return .capabilities(capabilities)
}

private func quantities(_ count: Int) -> [Capabilities.Quantity] {
  (0..<count).map { .init(name: "q\($0)", unit: "m", minimum: 0, maximum: 1) }
}

private func camera(_ name: String, _ side: Int = 1) -> Capabilities.Camera {
  .init(name: name, width: side, height: 1, verticalFieldOfView: nil, input: .image)
}

private typealias Limits = ProtocolLimits

@Suite("Every limit of the protocol holds at its edge: what it allows travels, and nothing more")
struct EdgeTests {
  private static let edges: [Edge] = [
    Edge("bytes of a session's name", Limits.maximumSessionIDBytes) { asked(.reset, session: text($0)) },
    Edge("bytes of a session's token", Limits.maximumSessionTokenBytes) {
      asked(.reset, token: [UInt8](repeating: 1, count: $0))
    },
    Edge("bytes of a client's name", Limits.maximumNameBytes) {
      asked(.hello(clientName: text($0), clientVersion: "1"))
    },
    Edge("bytes of a camera's name", Limits.maximumNameBytes) { size in
      seen { $0.frames = [frame(camera: text(size))] }
    },
    Edge("frames", Limits.maximumFrames) { size in seen { $0.frames = (0..<size).map { frame(camera: "c\($0)") } } },
    Edge("pixels of a side", Limits.maximumImageSide) { size in seen { $0.frames = [frame(size)] } },
    Edge("measured values", Limits.maximumQuantities) { size in
      seen { $0.proprioception = [Double](repeating: 1, count: size) }
    },
    Edge("bytes of an instruction", Observation.maximumInstructionBytes) { size in seen { $0.instruction = text(size) }
    },
    Edge("parts of a prompt", Limits.maximumPromptParts) { size in
      seen { $0.promptParts = (0..<size).map { _ in .text("a") } }
    },
    Edge("images of a prompt", Limits.maximumFrames) { size in
      seen { $0.promptParts = (0..<size).map { _ in .image(frame()) } }
    },
    Edge("bytes of a sound", AudioClip.maximumBytes, beyond: AudioClip.maximumBytes + 2) { size in
      seen { $0.audio = AudioClip(encoding: .pcm16, data: [UInt8](repeating: 0, count: size)) }
    },
    Edge("bytes of a question", Limits.maximumTextBytes) { size in question { $0.prompt = text(size) } },
    Edge("images of a question", Limits.maximumFrames) { size in
      question { $0.images = (0..<size).map { _ in frame() } }
    },
    Edge("bytes of a question's sound", Limits.maximumAudioBytes) { size in
      question { $0.audio = [UInt8](repeating: 1, count: size) }
    },
    Edge("tokens that are asked for", Limits.maximumTokens) { size in question { $0.maximumTokens = size } },
    Edge("beams", Limits.maximumBeams) { size in question { $0.beams = size } },
    Edge(
      "time between two reports", Int(Limits.minimumProgressInterval), beyond: Int(Limits.minimumProgressInterval) - 1
    ) { size in question { $0.progressInterval = UInt64(size) } },
    Edge("actions", Limits.maximumActions) { size in
      chunk { $0.actions = [Action](repeating: Action(values: [1]), count: size) }
    },
    Edge("numbers of an action", Limits.maximumQuantities) { size in
      chunk { $0.actions = [Action(values: [Double](repeating: 1, count: size))] }
    },
    Edge("tokens of a chunk", Limits.maximumTokens) { size in
      chunk { $0.tokens = [Int32](repeating: 1, count: size) }
    },
    Edge("bytes of a chunk's text", Limits.maximumTextBytes) { size in chunk { $0.text = text(size) } },
    Edge("bytes of an error's message", Limits.maximumTextBytes) { .error(RobotError(.internal, "x", text($0))) },
    Edge("bytes of an error's subject", Limits.maximumNameBytes) { .error(RobotError(.internal, text($0), "x")) },
    Edge("bytes of an answer", Limits.maximumTextBytes) {
      .generation(GenerationResult(text: text($0), finishReason: .end))
    },
    Edge("tokens of an answer", Limits.maximumTokens) {
      .generation(GenerationResult(tokens: [Int32](repeating: 1, count: $0), finishReason: .end))
    },
    Edge("bytes of a picture that was made", Limits.maximumMediaBytes) {
      .generation(
        GenerationResult(
          finishReason: .end,
          media: .init(kind: GenerationResult.Media.Kind.allCases[0], bytes: [UInt8](repeating: 1, count: $0))))
    },
    Edge("bytes of a report's text", Limits.maximumTextBytes) {
      .progress(GenerationProgress(tokens: 1, limit: 2, text: text($0)))
    },
    Edge("cameras of a policy", Limits.maximumFrames) { size in
      described { $0.cameras = (0..<size).map { camera("c\($0)") } }
    },
    Edge("pixels of a policy's camera", Limits.maximumImageSide) { size in
      described { $0.cameras = [camera("c", size)] }
    },
    Edge("quantities that are measured", Limits.maximumQuantities) { size in
      described { $0.proprioception = quantities(size) }
    },
    Edge("quantities of an action", Limits.maximumQuantities) { size in described { $0.actions = quantities(size) } },
    Edge("length of a chunk", Limits.maximumActions) { size in described { $0.chunkLength = size } },
    Edge("sentences that are known", Limits.maximumInstructions) { size in
      described { $0.instructions = (0..<size).map { "\($0)" } }
    },
    Edge("bytes of a known sentence", Limits.maximumTextBytes) { size in described { $0.instructions = [text(size)] } },
    Edge("dimensions without limits", Limits.maximumQuantities) { size in
      described { $0.unlimitedDimensions = (0..<size).map { "\($0)" } }
    },
    Edge("dimensions with limits", Limits.maximumQuantities) { size in
      described { $0.limits.dimensions = (0..<size).map { .init(name: "d\($0)", maximumRate: 1) } }
    },
  ]

  @Test(arguments: edges) private func `what a limit allows travels, and nothing beyond it`(_ edge: Edge) throws {
    try edge.check(edge.limit)
    #expect(throws: RobotError.self) { try edge.check(edge.beyond) }
  }

  @Test func `fields of one message`() {
    // Numbers of a list that is not packed are a field each.
    func message(_ fields: Int) -> [UInt8] {
      WireWriter.request { $0.message(11) { for _ in 0..<fields { $0.number(100, 1) } } }
    }
    func isTooMany(_ fields: Int) -> Bool {
      do throws(RobotError) { _ = try RequestMessage(decoding: message(fields)) } catch {
        return error.message.contains("\(ProtocolLimits.maximumFields) fields")
      }
      return false
    }
    // Beside them: version, number, session, and the observation itself.
    let most = (0..<8).map { ProtocolLimits.maximumFields - $0 }.first { !isTooMany($0) }
    #expect(most.map { isTooMany($0 + 1) } == true)
  }
}
