import RobotInterface
import RobotPolicy
import Tensors
import UnifiedIO

/// Measures a policy from camera frames to commands inside the safety envelope.
public struct PolicyBenchmark {
  let policy: UnifiedIOPolicy
  let specification: PolicySpecification
  let steps: Int

  /// - Parameter steps: that count, after ten that do not.
  public init(_ policy: UnifiedIOPolicy, specification: PolicySpecification, steps: Int) {
    self.policy = policy
    self.specification = specification
    self.steps = steps
  }

  /// Noise that changes with every step.
  func observation(_ step: Int) throws -> Observation {
    let frames = try specification.cameras.map { camera in
      let count = camera.width * camera.height * 3
      let pixels = (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 31 &+ step &* 17) >> 2) }
      let picture = try Image(width: camera.width, height: camera.height, pixels: pixels)
      return CameraFrame(
        camera: camera.name, encoding: .png, width: camera.width, height: camera.height, data: try picture.pngData())
    }
    return Observation(
      sequence: UInt64(step + 1), capturedAt: 0, sentAt: 0, frames: frames,
      proprioception: specification.proprioception.map { $0.minimum / 2 + $0.maximum / 2 },
      instruction: specification.instructions.sentences.first ?? "Go on.")
  }

  /// The next step encodes everything anew.
  func forgetInputs() { policy.model.runner.model.encodings.removeAll() }

  /// The stages of a step.
  ///
  /// - Throws: what the policy throws.
  public func run() throws -> BenchmarkReport.Case {
    var samples = StageSamples()
    var tokens = 0
    let clock = ContinuousClock()
    let inputs = try (0..<32).map { try observation($0) }
    for step in 0..<steps + 10 {
      // An episode of its own each time, and nothing known from before.
      var context = EpisodeContext()
      forgetInputs()
      let start = clock.now
      let chunk = try policy.act(on: inputs[step % inputs.count], context: &context)
      let whole = clock.now - start
      tokens = chunk.tokens.count
      guard step >= 10 else { continue }
      samples.add(chunk)
      samples.add(whole, to: .whole)
    }
    return BenchmarkReport.Case(
      name: "\(specification.name): frames to \(policy.capabilities.chunkLength) commands, \(tokens) tokens",
      encoderTokens: 0, stages: samples.named, rates: [])
  }
}

extension StageSamples {
  private static let names: [(RobotInterface.Stage, Stage)] = [
    (.decode, .imageDecode), (.preprocess, .preprocess), (.vision, .vision), (.encode, .encode), (.generate, .token),
    (.post, .post),
  ]

  /// Takes down the stages of a policy's step.
  mutating func add(_ chunk: ActionChunk) {
    for (stage, name) in Self.names {
      let duration = Duration.nanoseconds(Int64(clamping: chunk.timings[stage]))
      // The cross-attention keys and values are in the generation's time.
      add(name == .token ? duration / max(chunk.tokens.count, 1) : duration, to: name)
    }
  }
}
