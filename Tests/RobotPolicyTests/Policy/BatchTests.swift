import RobotInterface
import RobotPolicy
import Testing
import UnifiedIO

@Suite("Several robots are answered together, each as if alone")
struct BatchTests {
  let model = FakeModel(.bins([999, 0, 500, 999]))

  func policy(_ model: FakeModel? = nil) throws -> ModelPolicy<FakeModel> {
    try ModelPolicy(
      specification: ExamplePolicy.specification(
        ExamplePolicy.delta.replacing("\"width\": 4", with: "\"earlier_frames\": 2, \"width\": 4")),
      digest: "d", model: model ?? self.model, serverVersion: "1")
  }

  private func observation(_ step: UInt64, robot: UInt8 = 0) -> Observation {
    func frame(_ camera: String, _ width: Int, _ height: Int) -> CameraFrame {
      CameraFrame(
        camera: camera, encoding: .jpeg, width: width, height: height,
        data: [0xFF, 0xD8, 0xFF, 0xE0, UInt8(width), UInt8(height), UInt8(step) + 50 * robot])
    }
    return Observation(
      sequence: step, capturedAt: step * 50_000_000, sentAt: step * 50_000_000,
      frames: [frame("top", 2, 2), frame("front", 4, 2)], proprioception: [0.1 * Double(robot), 0.6, 0.2, 1],
      instruction: "Close it\(String(repeating: " now", count: Int(robot))).")
  }

  private func steps(_ step: UInt64, after contexts: [EpisodeContext]) -> [PolicyStep] {
    contexts.enumerated().map {
      PolicyStep(observation: observation(step, robot: UInt8($0)), context: $1)
    }
  }

  /// Without timings, which are never the same.
  private func untimed(_ result: Result<ActionChunk, RobotError>) -> Result<ActionChunk, RobotError> {
    result.map { chunk in
      var chunk = chunk
      chunk.timings = StageTimings()
      return chunk
    }
  }

  @Test func chunksAndMemoriesAreThoseOfEachAlone() throws {
    let other = FakeModel(.bins([999, 0, 500, 999]))
    let together = try policy(), alone = try policy(other)
    var batch = steps(1, after: [EpisodeContext](repeating: EpisodeContext(), count: 3))
    var contexts = [EpisodeContext](repeating: EpisodeContext(), count: 3)
    for step in UInt64(1)...4 {
      batch = steps(step, after: batch.map(\.context))
      let results = together.act(on: &batch)
      for (robot, result) in results.enumerated() {
        let expected = try alone.act(on: observation(step, robot: UInt8(robot)), context: &contexts[robot])
        #expect(untimed(result) == untimed(.success(expected)))
        #expect(batch[robot].context.counters == contexts[robot].counters)
        #expect(batch[robot].context.lastActions == contexts[robot].lastActions)
      }
    }
    #expect(model.batchSizes == [3, 3, 3, 3])
    #expect(other.batchSizes == [Int](repeating: 1, count: 12))
    // Each saw its own earlier frames.
    #expect(model.inputs == other.inputs)
  }

  @Test func everyChunkSaysWhatItsRobotWaitedFor() throws {
    var batch = steps(1, after: [EpisodeContext(), EpisodeContext()])
    let timings = try policy().act(on: &batch).compactMap { try? $0.get().timings }
    #expect(timings.count == 2 && timings[0] == timings[1])
    #expect(timings[0][.vision] == 1 && timings[0][.encode] == 2 && timings[0][.queue] == 0)
    for stage in [Stage.decode, .preprocess, .post] { #expect(timings[0][stage] > 0) }
  }

  @Test func oneThatCannotBeReadIsRefusedAlone() throws {
    var batch = steps(1, after: [EpisodeContext](repeating: EpisodeContext(), count: 4))
    batch[0].observation.frames.removeLast()
    batch[2].observation.proprioception = []
    batch[2].context.record([Action(values: [0, 0, 0, 0])], moving: true)
    let results = try policy().act(on: &batch)
    let codes = results.map { result -> RobotError.Code? in
      guard case .failure(let error) = result else { return nil }
      return error.code
    }
    #expect(codes == [.missingCamera, nil, .invalidProprioception, nil])
    #expect(model.batchSizes == [2])
    #expect(batch.map(\.context.counters.chunks) == [0, 1, 1, 1])
    #expect(batch[2].context.lastCommandMoves, "a robot that got an error may go on with its last chunk")
    #expect(batch[1].context.lastCommandMoves)
    #expect(try results[3].get().observationSequence == 1)
  }

  @Test func oneThatTheModelFailsOnSpoilsNobodysAnswer() throws {
    model.refusePictures(of: 51)
    var batch = steps(1, after: [EpisodeContext](repeating: EpisodeContext(), count: 3))
    let results = try policy().act(on: &batch)
    #expect(throws: RobotError.self) { try results[1].get() }
    #expect(try results[0].get().actions.count == 4 && results[2].get().actions.count == 4)
    #expect(batch.map(\.context.counters.chunks) == [1, 0, 1])
    #expect(model.batchSizes == [1, 1])
  }

  @Test func answersThatAreNoneAreEachRobotsOwn() throws {
    model.say(.tokens([5, 6], .end))
    var batch = steps(1, after: [EpisodeContext(), EpisodeContext()])
    for result in try policy().act(on: &batch) {
      guard case .failure(let error) = result else {
        Issue.record("\(result)")
        continue
      }
      #expect(error.code == .invalidAction)
    }
  }

  @Test func nobodyIsNoWork() throws {
    var batch: [PolicyStep] = []
    #expect(try policy().act(on: &batch).isEmpty)
    #expect(model.batchSizes.isEmpty)
  }

  @Test func aPolicyWithoutItsOwnWayTakesThemInTurn() {
    struct Simple: ObservationPolicy {
      let capabilities: Capabilities
      func warmUp() throws(RobotError) {}
      func act(on observation: Observation, context: inout EpisodeContext) throws(RobotError) -> ActionChunk {
        context.record([], moving: true)
        guard observation.sequence != 2 else { throw RobotError(.frozenCamera, "x", "y") }
        return ActionChunk(
          observationSequence: observation.sequence, capturedAt: 0, validUntil: 0, actions: [], tokens: [], text: "",
          confidence: 1, timings: StageTimings())
      }
    }
    let simple = Simple(
      capabilities: Capabilities(
        policyName: "", policyDigest: "", serverVersion: "", cameras: [], proprioception: [], actions: [],
        actionFrame: "", actionMode: nil, hold: nil, chunkLength: 1, controlRate: 1, limits: Capabilities.Limits()))
    var batch = (1...3).map { PolicyStep(observation: observation($0), context: EpisodeContext()) }
    let results = simple.act(on: &batch)
    #expect(results.map { try? $0.get().observationSequence } == [1, nil, 3])
    #expect(batch.map(\.context.counters.chunks) == [1, 1, 1])
  }
}
