import RobotInterface
import RobotPolicy
import Testing
import UnifiedIO

@Suite("Policies around a model")
struct ModelPolicyTests {
  let model = FakeModel(.bins([999, 0, 500, 999]))

  func policy(_ text: String = ExamplePolicy.delta, model: FakeModel? = nil) throws -> ModelPolicy<FakeModel> {
    try ModelPolicy(
      specification: ExamplePolicy.specification(text), digest: "d", model: model ?? self.model, serverVersion: "1")
  }

  func frame(_ camera: String, _ width: Int, _ height: Int, byte: UInt8 = 0) -> CameraFrame {
    CameraFrame(
      camera: camera, encoding: .jpeg, width: width, height: height,
      data: [0xFF, 0xD8, 0xFF, 0xE0, UInt8(width), UInt8(height), byte])
  }

  func observation(_ step: UInt64 = 0) -> Observation {
    Observation(
      sequence: step, capturedAt: step * 50_000_000, sentAt: step * 50_000_000,
      frames: [
        frame("top", 2, 2, byte: UInt8(truncatingIfNeeded: step)),
        frame("front", 4, 2, byte: UInt8(truncatingIfNeeded: step)),
      ],
      proprioception: [0, 0.6, 0.2, 1], instruction: "Close it.")
  }

  func error(
    _ policy: ModelPolicy<FakeModel>, _ observation: Observation
  ) -> RobotError? {
    var context = EpisodeContext()
    do {
      _ = try policy.act(on: observation, context: &context)
      return nil
    } catch {
      return error
    }
  }

  @Test func anObservationBecomesAChunk() throws {
    var context = EpisodeContext()
    let chunk = try policy().act(on: observation(3), context: &context)
    #expect(chunk.observationSequence == 3)
    #expect(chunk.capturedAt == 150_000_000)
    #expect(chunk.validUntil == 350_000_000)
    #expect(chunk.actions.count == 4)
    #expect(chunk.actions[0].values[..<2] == [0.01, -0.01])
    #expect(chunk.tokens.count == 16)
    #expect(chunk.text.hasPrefix("<extra_id_1199> <extra_id_200> <extra_id_700>"))
    #expect(chunk.confidence == 0.5)
    #expect(chunk.timings[.vision] == 1 && chunk.timings[.encode] == 2 && chunk.timings[.queue] == 0)
    #expect(chunk.timings[.decode] > 0 && chunk.timings[.preprocess] > 0 && chunk.timings[.post] > 0)
    #expect(context.counters.actions == 4)
    #expect(context.lastCommandMoves)
  }

  @Test func theModelSeesPromptAndPicturesInThePolicysOrder() throws {
    var context = EpisodeContext()
    var seen = observation(7)
    seen.promptParts = [.text(" Take\u{a0} the"), .image(frame("cup", 3, 3, byte: 42)), .text("and hold it.\n")]
    seen.instruction = ""
    _ = try policy().act(on: seen, context: &context)
    #expect(
      model.lastPrompt?.text
        == "Take the <image_history_2> and hold it. State: <extra_id_700> <extra_id_628> <extra_id_600> <extra_id_1199>"
    )
    let input = try #require(model.inputs.last)
    #expect(input.image?.patches == [1, 7])
    #expect(input.imageHistory.map(\.patches) == [[2, 7], [2, 42]])
  }

  @Test func earlierFramesAreShownOldestFirst() throws {
    let text = ExamplePolicy.delta.replacing("\"width\": 4", with: "\"earlier_frames\": 2, \"width\": 4")
    let policy = try policy(text)
    var context = EpisodeContext()
    for step: UInt64 in 1...4 { _ = try policy.act(on: observation(step), context: &context) }
    #expect(
      model.inputs.map { $0.imageHistory.map(\.patches) } == [
        [[2, 1]], [[2, 2], [2, 1]], [[2, 3], [2, 1], [2, 2]], [[2, 4], [2, 2], [2, 3]],
      ])
    _ = try policy.act(on: observation(9), context: &context)
    context = EpisodeContext()
    _ = try policy.act(on: observation(5), context: &context)
    #expect(model.inputs.last?.imageHistory.map(\.patches) == [[2, 5]])
  }

  struct Fault: Sendable, CustomTestStringConvertible {
    var code: RobotError.Code
    var subject: String
    var change: @Sendable (inout Observation) -> Void
    var testDescription: String { "\(code) \(subject)" }
  }

  static let faults: [Fault] = [
    Fault(code: .unknownCamera, subject: "observation.frames[0].camera") { $0.frames[0].camera = "rear" },
    Fault(code: .missingCamera, subject: "observation.frames") { $0.frames.removeLast() },
    Fault(code: .missingCamera, subject: "observation.frames") { $0.frames = [] },
    Fault(code: .invalidImage, subject: "observation.frames[2].camera") { $0.frames.append($0.frames[0]) },
    Fault(code: .invalidImage, subject: "observation.frames[1]") { $0.frames[1].width = 5 },
    Fault(code: .invalidImage, subject: "observation.frames[1]") { $0.frames[1].data[4] = 5 },
    Fault(code: .invalidImage, subject: "observation.frames[1].data") { $0.frames[1].data = [] },
    Fault(code: .invalidImage, subject: "observation.frames[1].data") { $0.frames[1].data.append(0) },
    Fault(code: .invalidImage, subject: "observation.frames[1].data") { $0.frames[1].encoding = .png },
    Fault(code: .invalidImage, subject: "observation.frames[1].data") { $0.frames[1].encoding = .rgb8 },
    Fault(code: .invalidImage, subject: "observation.prompt") { observation in
      observation.instruction = ""
      observation.promptParts = [.text("Take")] + Array(repeating: .image(observation.frames[0]), count: 4)
    },
    Fault(code: .invalidImage, subject: "observation.prompt[2].data") { observation in
      observation.instruction = ""
      observation.promptParts = [.text("Take")] + Array(repeating: .image(observation.frames[0]), count: 3)
      var cut = observation.frames[0]
      cut.data.removeLast()
      observation.promptParts[2] = .image(cut)
    },
    Fault(code: .invalidInstruction, subject: "observation.instruction") { $0.promptParts = [.text("Open it.")] },
    Fault(code: .invalidInstruction, subject: "observation.prompt") { observation in
      observation.instruction = ""
      observation.promptParts = [.image(observation.frames[0])]
    },
    Fault(code: .invalidInstruction, subject: "observation.prompt[1]") { observation in
      observation.instruction = ""
      observation.promptParts = [.text("a"), .text("\u{1b}[2J")]
    },
    Fault(code: .invalidProprioception, subject: "observation.proprioception") { $0.proprioception = [1] },
    Fault(code: .invalidProprioception, subject: "observation.proprioception[3]") { $0.proprioception[3] = .nan },
    Fault(code: .invalidProprioception, subject: "observation.proprioception[0]") { $0.proprioception[0] = -9 },
    Fault(code: .invalidProprioception, subject: "observation.proprioception[1]") { $0.proprioception[1] = 600 },
    Fault(code: .invalidProprioception, subject: "observation.proprioception[2]") { $0.proprioception[2] = 1e308 },
    Fault(code: .invalidInstruction, subject: "observation.instruction") { $0.instruction = " " },
    Fault(code: .invalidInstruction, subject: "observation.instruction") { $0.instruction = "a\u{7}" },
    Fault(code: .invalidInstruction, subject: "observation.instruction") {
      $0.instruction = "\u{200b}\u{feff} \u{3000}"
    },
    Fault(code: .invalidInstruction, subject: "observation.instruction") {
      $0.instruction = String(repeating: "word ", count: 300)
    },
  ]

  @Test(arguments: faults)
  func aBadObservationIsRefused(fault: Fault) throws {
    var bad = observation(1)
    fault.change(&bad)
    let error = error(try policy(), bad)
    #expect(error?.code == fault.code)
    #expect(error?.subject == fault.subject)
    #expect(model.inputs.isEmpty)
  }

  @Test func rawPixelsAreAccepted() throws {
    var seen = observation(1)
    seen.frames[1].encoding = .rgb8
    seen.frames[1].data = [UInt8](repeating: 9, count: 24)
    #expect(error(try policy(), seen) == nil)
    #expect(model.inputs.last?.image?.patches == [1, 9])
  }

  @Test func answersThatAreNoneAreInvalidActions() throws {
    let policy = try policy()
    let location = model.tokenizer.locationToken(bin: 3)
    let answers: [FakeModel.Answer] = [
      .tokens([], .end), .tokens([5, 6], .end), .tokens(Array(repeating: location, count: 15), .end),
      .tokens(Array(repeating: location, count: 16), .length),
    ]
    for answer in answers {
      model.say(answer)
      #expect(error(policy, observation(1))?.code == .invalidAction)
    }
    model.say(.failure)
    #expect(error(policy, observation(1))?.code == .internal)
  }

  @Test(arguments: [
    FakeModel.Answer.unsound, .bins([500], confidence: .nan), .bins([500], confidence: .infinity),
    .bins([500], confidence: -.infinity),
  ])
  func `an answer computed from NaN or infinity moves nothing`(answer: FakeModel.Answer) throws {
    let policy = try policy()
    var context = EpisodeContext()
    _ = try policy.act(on: observation(1), context: &context)
    model.say(answer)
    let error = #expect(throws: RobotError.self) { try policy.act(on: observation(2), context: &context) }
    #expect(error?.code == .invalidAction)
    #expect(context.lastCommandMoves && context.counters.chunks == 1, "the robot goes on with its last chunk")
    let cold = #expect(throws: RobotError.self) { try policy.warmUp() }
    #expect(cold?.code == .invalidAction, "a policy that says so when it is warmed up is not served")
    model.say(.bins([500], confidence: 1))
    try policy.warmUp()
    _ = try policy.act(on: observation(3), context: &context)
  }

  @Test func aFrozenCameraStopsTheRobotUntilItMovesAgain() throws {
    let policy = try policy()
    var context = EpisodeContext()
    var seen = observation(0)
    for step: UInt64 in 0...20 {
      seen = observation(step)
      seen.frames[0].data[6] = 1
      _ = try policy.act(on: seen, context: &context)
    }
    seen = observation(21)
    seen.frames[0].data[6] = 1
    let before = model.inputs.count
    let error = #expect(throws: RobotError.self) { try policy.act(on: seen, context: &context) }
    #expect(error?.code == .frozenCamera)
    #expect(error?.message.hasPrefix("top ") == true)
    #expect(model.inputs.count == before)
    #expect(throws: RobotError.self) { try policy.act(on: seen, context: &context) }
    _ = try policy.act(on: observation(22), context: &context)
    #expect(context.lastCommandMoves)
  }

  /// What is refused every now and then, or does not leave.
  enum Glitch: CaseIterable { case words, measurement, picture, model, unsent, nothing }

  @Test(arguments: Glitch.allCases, [false, true])
  func `refusals in between do not hide a frozen camera`(glitch: Glitch, reports: Bool) throws {
    let policy = try policy()
    var context = EpisodeContext(), isFrozen = false
    for step: UInt64 in 0...30 where !isFrozen {
      var seen = observation(step)
      seen.frames[0].data[6] = 1
      if reports { seen.actionsConsumed = 4 }
      let before = context
      model.say(.bins([999, 0, 500, 999]))
      // More often than the camera may repeat itself.
      if step % 8 == 7 {
        switch glitch {
        case .words: seen.instruction = "\u{7}"
        case .measurement: seen.proprioception[0] = 99
        case .picture: seen.frames[1].data.removeLast()
        case .model: model.say(.failure)
        case .unsent, .nothing: break
        }
      }
      do {
        _ = try policy.act(on: seen, context: &context)
        if glitch == .unsent, step % 8 == 7 {
          var unsent = before
          unsent.rememberSight(of: context)
          context = unsent
        }
      } catch {
        isFrozen = error.code == .frozenCamera
      }
    }
    #expect(isFrozen, "1 s of motion takes 21 steps, and some more where the robot has stood still for some")
  }

  @Test func aRobotAtRestMaySeeTheSame() throws {
    model.say(.bins([499, 500, 499, 999]))
    let policy = try policy()
    var context = EpisodeContext()
    for step: UInt64 in 0...50 {
      var seen = observation(step)
      seen.frames[0].data[6] = 1
      seen.frames[1].data[6] = 1
      _ = try policy.act(on: seen, context: &context)
    }
    #expect(!context.lastCommandMoves)
  }

  @Test func limitedActionsAreMarkedAndCounted() throws {
    var context = EpisodeContext()
    var seen = observation(1)
    seen.proprioception[0] = 0.595
    let chunk = try policy().act(on: seen, context: &context)
    #expect(chunk.actions.allSatisfy { $0.limited == .workspace })
    #expect(context.counters.limitedActions == 4)
    #expect(context.counters.limitedActions(by: .workspace) == 4)
  }

  @Test func theDeadlineDoesNotOverflow() throws {
    var context = EpisodeContext()
    var seen = observation(1)
    seen.capturedAt = .max
    #expect(try policy().act(on: seen, context: &context).validUntil == .max)
  }

  @Test func aTablePolicyAnswersInSentences() throws {
    let policy = try policy(ExamplePolicy.pickAndPlace, model: FakeModel(.bins([0, 500, 250])))
    var seen = observation(1)
    seen.frames = [frame("top", 4, 2)]
    seen.proprioception = []
    var context = EpisodeContext()
    let chunk = try policy.act(on: seen, context: &context)
    #expect((1...3).contains(chunk.actions.count))
    #expect(chunk.actions[0].limited == .workspace)
    #expect(chunk.actions[0].values[0] == 0.3)
    #expect(policy.capabilities.actionMode == .pickAndPlace)
    #expect(policy.capabilities.chunkLength == 3)
    #expect(policy.capabilities.actions.count == 6)
  }

  @Test func warmingUpRunsTheModelOnce() throws {
    try policy().warmUp()
    try policy(ExamplePolicy.absolute).warmUp()
    #expect(model.inputs.count == 2)
    model.say(.failure)
    #expect(throws: RobotError.self) { try policy().warmUp() }
  }

  @Test func aModelThatCannotDoItIsRefused() throws {
    let blind = FakeModel(.bins([0]), maximumHistoryFrames: 0)
    let terse = FakeModel(.bins([0]), maximumAnswerTokens: 16)
    for model in [blind, terse] {
      let error = #expect(throws: PolicyError.self) { try policy(model: model) }
      #expect(error?.code == .incompatibleModel)
    }
  }
}
