import ControlDaemon
import RobotInterface
import RobotLink
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

/// A policy that can also talk.
struct TalkingPolicy: ObservationPolicy, TextGenerating {
  var capabilities: Capabilities { FakePolicy().capabilities }

  func warmUp() throws(RobotError) {}

  func act(on observation: Observation, context: inout EpisodeContext) throws(RobotError) -> ActionChunk {
    FakePolicy.chunk(for: observation)
  }

  func generate(_ request: GenerationRequest) throws(RobotError) -> GenerationResult {
    guard request.prompt != "hush" else { throw RobotError(.invalidInstruction, "generate.prompt", "no") }
    return GenerationResult(text: "a \(request.prompt)", tokens: [3], finishReason: .end, timings: StageTimings())
  }
}
