package import RobotInterface
import TestSupport

/// Random messages that obey the protocol, edge values included.
package struct RandomMessages {
  private var random: SeededGenerator

  package init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  package mutating func request() -> RequestMessage {
    let body: RequestMessage.Body
    switch pick(0..<9) {
    case 0: body = .hello(clientName: text(), clientVersion: text(), sentAt: integer())
    case 1: body = .reset
    case 2: body = .stop(reason: text())
    case 3: body = .resume
    case 6: body = .resumeUnknown
    case 7: body = .release
    case 4: body = .generate(generation())
    case 5: body = .cancel(requestID: integer())
    default: body = .observation(observation())
    }
    return RequestMessage(requestID: integer(), sessionID: "s" + name(), sessionToken: bytes(0..<65), body: body)
  }

  package mutating func reply() -> ReplyMessage {
    let body: ReplyMessage.Body
    switch pick(0..<6) {
    case 0: body = .capabilities(capabilities())
    case 1: body = .acknowledgement(stopped: Bool.random(using: &random))
    case 2: body = .generation(result())
    case 4: body = .progress(progress())
    case 3:
      body = .error(RobotError(RobotError.Code.allCases.randomElement(using: &random) ?? .internal, text(), text()))
    default: body = .actionChunk(chunk())
    }
    return ReplyMessage(requestID: integer(), sessionID: name(), sentAt: integer(), body: body)
  }

  package mutating func observation() -> Observation {
    let capturedAt = integer() / 2, sentAt = capturedAt + integer() / 2, hasParts = Bool.random(using: &random)
    var frames = array(3) { $0.frame() }
    for index in frames.indices where sentAt > 0 && pick(0..<2) == 0 { frames[index].capturedAt = max(1, sentAt / 3) }
    return Observation(
      sequence: integer(), capturedAt: capturedAt, sentAt: sentAt, frames: frames,
      proprioception: array(9) { $0.finite() }, instruction: hasParts ? "" : text(),
      promptParts: hasParts ? array(4) { $0.pick(0..<2) == 0 ? .text($0.text()) : .image($0.frame()) } : [],
      actionsConsumed: pick(0..<4096),
      skipsExecuted: Bool.random(using: &random), clock: RobotClock.allCases[pick(0..<2)],
      echo: maybe { ClockEcho(replySentAt: $0.integer(), replyReceivedAt: $0.integer()) }, audio: maybe { $0.clip() })
  }

  package mutating func frame() -> CameraFrame {
    let (width, height) = (pick(1..<9), pick(1..<9))
    let encoding = [CameraFrame.Encoding.rgb8, .jpeg, .png][pick(0..<3)]
    let count = encoding == .rgb8 ? width * height * 3 : pick(1..<400)
    return CameraFrame(
      camera: text(), encoding: encoding, width: width, height: height,
      data: bytes(count..<count + 1))
  }

  package mutating func clip() -> AudioClip {
    let mark = ["fLaC", "OggS", "RIFF....WAVE"][pick(0..<3)]
    return pick(0..<2) == 0
      ? AudioClip(encoding: .file, data: Array(mark.utf8) + bytes(0..<300))
      : AudioClip(encoding: .pcm16, data: (0..<pick(1..<99)).flatMap { [UInt8($0), 255] })
  }

  package mutating func pick(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }

  private mutating func generation() -> GenerationRequest {
    let output = GenerationRequest.Output.allCases[pick(0..<3)], isText = output == .text
    var request = GenerationRequest(
      prompt: text(), output: output, images: array(2) { $0.frame() }, audio: bytes(0..<300),
      temperature: maybe { Float($0.pick(0..<40)) / 8 }, topK: maybe { $0.pick(1..<1000) },
      topP: maybe { Float($0.pick(1..<101)) / 100 }, seed: integer(),
      guidance: isText ? nil : maybe { Float($0.pick(0..<40)) / 4 }, negativePrompt: isText ? "" : text(),
      progressInterval: maybe { max(ProtocolLimits.minimumProgressInterval, $0.integer()) })
    if isText {
      request.maximumTokens = maybe { $0.pick(1..<1000) }
      if request.temperature ?? 0 == 0 { request.beams = pick(1..<ProtocolLimits.maximumBeams + 1) }
    }
    if !request.images.isEmpty {
      request.box = maybe { random in
        let (x, y) = (Float(random.pick(-9..<9)), Float(random.pick(-9..<9)))
        return .init(minX: x, minY: y, maxX: x + Float(random.pick(1..<99)) / 8, maxY: y + 0.5)
      }
    }
    return request
  }

  private mutating func result() -> GenerationResult {
    let kind = GenerationResult.Media.Kind.allCases[pick(0..<2)]
    return GenerationResult(
      text: text(), tokens: tokens(), finishReason: GenerationResult.FinishReason.allCases[pick(0..<3)],
      timings: timings(), media: maybe { GenerationResult.Media(kind: kind, bytes: $0.bytes(1..<300)) },
      confidence: maybe { Double($0.pick(1..<101)) / 100 })
  }

  private mutating func progress() -> GenerationProgress {
    let limit = pick(1..<9999)
    return GenerationProgress(
      tokens: pick(1..<limit + 1), limit: limit, tokensPerSecond: maybe { Double($0.pick(1..<999)) / 8 },
      remaining: maybe { max(1, $0.integer()) }, text: text())
  }

  private mutating func chunk() -> ActionChunk {
    ActionChunk(
      observationSequence: integer(), capturedAt: integer(), validUntil: integer(),
      actions: array(6) {
        Action(
          values: $0.array(8) { $0.finite() }, limited: LimitFlags(rawValue: UInt32($0.pick(0..<128))),
          primitive: $0.text())
      }, tokens: tokens(), text: text(), confidence: Double(pick(0..<101)) / 100, timings: timings(),
      policyDigest: name(), observationAge: integer())
  }

  private mutating func capabilities() -> Capabilities {
    var limits = Capabilities.Limits()
    if Bool.random(using: &random) {
      limits.workspaceMinimum = (0..<3).map { _ in finite() }
      limits.workspaceMaximum = (0..<3).map { _ in finite() }
      limits.maximumSpeed = Double(pick(1..<100))
      limits.maximumRotationRate = Double(pick(1..<100))
      limits.maximumJump = 0.125
      limits.maximumObservationAge = UInt64(pick(1..<1000))
      limits.frozenCameraTimeout = .max
      limits.maximumMessageBytes = 1
      limits.dimensions = array(3) {
        .init(
          name: $0.text(), position: $0.maybe { -1...Double($0.pick(0..<9)) }, maximumRate: $0.maybe { _ in 0.5 },
          maximumJump: $0.maybe { _ in 2 })
      }
    }
    return Capabilities(
      policyName: text(), policyDigest: text(), serverVersion: text(),
      cameras: array(3) {
        .init(
          name: $0.text(), width: $0.pick(1..<999), height: $0.pick(1..<999),
          verticalFieldOfView: $0.pick(0..<2) == 0 ? nil : 42.5, input: $0.pick(0..<2) == 0 ? .image : .imageHistory)
      }, proprioception: array(5) { $0.quantity() }, actions: array(5) { $0.quantity() }, actionFrame: text(),
      actionMode: [nil, .delta, .absolute, .init(rawValue: "another")][pick(0..<4)],
      hold: [nil, .zero, .repeat][pick(0..<3)], chunkLength: pick(0..<17), controlRate: Double(pick(0..<100)),
      limits: limits,
      instructions: array(3) { $0.text() }, isUnlimited: Bool.random(using: &random),
      unlimitedDimensions: array(3) { $0.text() }, weights: text(), activations: text(),
      deadline: maybe { UInt64($0.pick(1..<999)) }, sessionToken: bytes(0..<65),
      audio: maybe {
        .init(
          name: $0.text(), maximumDuration: Double($0.pick(1..<99)) / 8,
          replacesInstruction: Bool.random(using: &$0.random))
      })
  }

  private mutating func quantity() -> Capabilities.Quantity {
    let minimum = finite()
    return Capabilities.Quantity(
      name: text(), unit: text(), minimum: minimum, maximum: max(minimum, finite()), tolerance: abs(finite()))
  }

  private mutating func timings() -> StageTimings {
    var timings = StageTimings()
    for stage in Stage.allCases where Bool.random(using: &random) { timings[stage] = integer() }
    return timings
  }

  private mutating func tokens() -> [Int32] { array(9) { Int32(truncatingIfNeeded: $0.random.next()) } }

  private mutating func array<Element>(_ limit: Int, _ make: (inout RandomMessages) -> Element) -> [Element] {
    (0..<pick(0..<limit + 1)).map { _ in make(&self) }
  }

  private mutating func maybe<Value>(_ make: (inout RandomMessages) -> Value) -> Value? {
    Bool.random(using: &random) ? nil : make(&self)
  }

  private mutating func bytes(_ count: Range<Int>) -> [UInt8] {
    (0..<pick(count)).map { _ in UInt8.random(in: 0...255, using: &random) }
  }

  private mutating func integer() -> UInt64 { [0, 1, .max, random.next(), random.next() >> 40][pick(0..<5)] }

  private mutating func finite() -> Double {
    [0, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, Double.random(in: -9...9, using: &random)][pick(0..<5)]
  }

  private mutating func name() -> String { ["", "arm 7~", "a1b2c3"][pick(0..<3)] }

  private mutating func text() -> String {
    ["", "base", "the cup 🥤 on the «left»", "z\u{301}", String(repeating: "x", count: pick(0..<60))][pick(0..<5)]
  }
}
