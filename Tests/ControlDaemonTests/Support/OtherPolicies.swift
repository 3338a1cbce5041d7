import ControlDaemon
import Foundation
import RobotInterface
import RobotPolicy

/// A policy that promises a range without end.
struct OddPolicy: ObservationPolicy {
  var capabilities: Capabilities {
    var capabilities = FakePolicy().capabilities
    capabilities.actions = [.init(name: "dx", unit: "m", minimum: 0, maximum: .infinity)]
    return capabilities
  }

  func warmUp() throws(RobotError) {}

  func act(on observation: Observation, context: inout EpisodeContext) throws(RobotError) -> ActionChunk {
    FakePolicy.chunk(for: observation)
  }
}

/// A policy that can also talk: says as many tokens as it may, one by default, each after a while.
struct TalkingPolicy: ObservationPolicy, Generating {
  var tokenTime = 0.0

  var capabilities: Capabilities { FakePolicy().capabilities }

  func warmUp() throws(RobotError) {}

  func act(on observation: Observation, context: inout EpisodeContext) throws(RobotError) -> ActionChunk {
    FakePolicy.chunk(for: observation)
  }

  func generate(
    _ request: GenerationRequest, prepared: PreparedInput, goesOn: @escaping @Sendable (GenerationMoment) -> Bool
  ) throws(RobotError) -> GenerationResult {
    guard request.prompt != "hush" else { throw RobotError(.invalidInstruction, "generate.prompt", "no") }
    let limit = request.maximumTokens ?? 1
    for count in 1...limit {
      Thread.sleep(forTimeInterval: tokenTime)
      let text: @Sendable () -> String = { String(repeating: "a", count: count) }
      if !goesOn(GenerationMoment(tokens: count, limit: limit, text: text)) {
        return GenerationResult(
          text: text(), tokens: [Int32](repeating: 3, count: count), finishReason: .cancelled)
      }
    }
    return GenerationResult(text: "a \(request.prompt)", tokens: [3], finishReason: .end)
  }
}
