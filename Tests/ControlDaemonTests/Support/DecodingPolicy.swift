import ControlDaemon
import Dispatch
import Foundation
import RobotInterface
import RobotPolicy
import Synchronization
import UnifiedIO

/// A policy whose pictures a test can make slow: one that begins with 1 is decoded until somebody calls it off, or lets it end.
final class DecodingPolicy: PreparingPolicy, Generating {
  private let begun = DispatchSemaphore(value: 0)
  private let isReleased = Atomic(false)
  private let stepTime: Double
  private let seen = Mutex<[UInt64]>([])

  /// - Parameter stepTime: seconds that the policy takes for an observation.
  init(stepTime: Double = 0) { self.stepTime = stepTime }

  var capabilities: Capabilities { FakePolicy().capabilities }
  /// The sequences that were decoded, or begun to be.
  var decoded: [UInt64] { seen.withLock { $0 } }

  /// Waits until a slow picture is being decoded.
  func isDecoding() -> Bool { begun.wait(timeout: .now() + 20) == .success }
  /// Lets the slow pictures end.
  func release() { isReleased.store(true, ordering: .sequentiallyConsistent) }

  func warmUp() throws(RobotError) {}

  func prepare(_ observation: Observation, cancellation: Cancellation) -> PreparedInput {
    seen.withLock { $0.append(observation.sequence) }
    decode(observation.frames, cancellation)
    return PreparedInput(observation.sequence)
  }

  private func decode(_ frames: [CameraFrame], _ cancellation: Cancellation) {
    guard frames.first?.data.first == 1 else { return }
    begun.signal()
    while !cancellation.isCancelled, !isReleased.load(ordering: .sequentiallyConsistent) {
      Thread.sleep(forTimeInterval: 0.001)
    }
  }

  func act(on steps: inout [PolicyStep]) -> [Result<ActionChunk, RobotError>] {
    Thread.sleep(forTimeInterval: stepTime)
    return steps.map { step in
      guard step.prepared?.content as? UInt64 == step.observation.sequence else {
        return .failure(RobotError(.internal, "test", "the observation was not prepared"))
      }
      return .success(FakePolicy.chunk(for: step.observation))
    }
  }

  func act(on observation: Observation, context: inout EpisodeContext) throws(RobotError) -> ActionChunk {
    throw RobotError(.internal, "test", "the observation was not prepared")
  }

  func prepare(_ request: GenerationRequest, cancellation: Cancellation) throws(RobotError) -> PreparedInput {
    decode(request.images, cancellation)
    return PreparedInput(request.prompt)
  }

  func generate(
    _ request: GenerationRequest, prepared: PreparedInput, goesOn: @escaping @Sendable (GenerationMoment) -> Bool
  ) throws(RobotError) -> GenerationResult {
    for token in 1...(request.maximumTokens ?? 1) {
      Thread.sleep(forTimeInterval: 0.002)
      guard goesOn(GenerationMoment(tokens: token, limit: request.maximumTokens ?? 1)) else {
        return GenerationResult(finishReason: .cancelled)
      }
    }
    return GenerationResult(text: prepared.content as? String ?? "", tokens: [3], finishReason: .end)
  }
}

extension Observation {
  /// A sample whose picture ``DecodingPolicy`` decodes until it is told to stop.
  static func slow(_ sequence: UInt64) -> Observation {
    var observation = Observation.sample(sequence)
    observation.frames[0].data = [1]
    return observation
  }
}
