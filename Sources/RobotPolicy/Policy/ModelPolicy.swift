public import RobotInterface
package import UnifiedIO

/// A policy that asks a multimodal model what to do: observation → prompt → answer → actions → safety envelope.
public struct ModelPolicy<Model: ActionModel>: ObservationPolicy {
  /// What the policy drives and expects.
  public let capabilities: Capabilities
  private let specification: PolicySpecification
  package let model: Model
  package let grammar: any ActionGrammar
  private let reader: ObservationReader<Model>
  private let template: PromptTemplate
  private let state: StateText
  private let envelope: SafetyEnvelope
  private let motion: CommandMotion

  /// - Parameters:
  ///   - specification: from a `policy.json`.
  ///   - digest: of the bundle, for the capabilities.
  ///   - model: what answers.
  ///   - serverVersion: of the daemon, for the capabilities.
  /// - Throws: ``PolicyError`` `.incompatibleModel` when the model cannot do what the policy asks of it.
  public init(
    specification: PolicySpecification, digest: String, model: Model, serverVersion: String
  ) throws(PolicyError) {
    guard specification.historyFrames <= model.maximumHistoryFrames else {
      throw PolicyError(
        .incompatibleModel, "cameras",
        "expected at most \(model.maximumHistoryFrames) frames of image history, which the model can look at, found "
          + "\(specification.historyFrames)")
    }
    grammar = try specification.makeActionSpace().grammar(for: model.tokenizer)
    guard grammar.maximumTokens <= model.maximumAnswerTokens else {
      throw PolicyError(
        .incompatibleModel, "action_space",
        "expected answers of at most \(model.maximumAnswerTokens) tokens, which the model can say, found "
          + "\(grammar.maximumTokens)")
    }
    self.specification = specification
    self.model = model
    capabilities = specification.capabilities(digest: digest, serverVersion: serverVersion)
    reader = ObservationReader(model: model, specification: specification)
    template = try PromptTemplate(specification.prompt.template)
    state = StateText(specification.proprioception)
    envelope = SafetyEnvelope(specification)
    motion = CommandMotion(specification)
  }

  /// Turns an observation into commands that are already inside the safety envelope.
  public func act(
    on observation: Observation, context: inout EpisodeContext
  ) throws(RobotError) -> ActionChunk {
    do {
      return try answer(observation, context: &context)
    } catch {
      context.recordRefusal()
      throw error
    }
  }

  private func answer(
    _ observation: Observation, context: inout EpisodeContext
  ) throws(RobotError) -> ActionChunk {
    var timings = StageTimings()
    let generation = try generation(for: observation, context: &context, timings: &timings)
    var clock = StageClock()
    guard generation.finishReason == .end else {
      throw .invalidAnswer("the model did not finish its answer within \(generation.tokens.count) tokens")
    }
    let said = try grammar.actions(from: generation.tokens)
    let actions = try envelope.limit(said, proprioception: observation.proprioception)
    let moves = motion.moves(actions, proprioception: observation.proprioception, last: context.lastActions.last)
    context.record(actions, moving: moves)
    var chunk = ActionChunk(
      observationSequence: observation.sequence, capturedAt: observation.capturedAt,
      validUntil: observation.capturedAt.addingClamped(specification.control.deadline), actions: actions,
      tokens: generation.tokens, text: model.tokenizer.decode(generation.tokens),
      confidence: generation.confidence.isFinite ? min(max(generation.confidence, 0), 1) : 0, timings: timings)
    clock.finish(.post, in: &chunk.timings)
    return chunk
  }

  /// Runs the model on an observation.
  private func generation(
    for observation: Observation, context: inout EpisodeContext, timings: inout StageTimings
  ) throws(RobotError) -> TextGeneration {
    var clock = StageClock()
    let indices = try reader.frameIndices(of: observation)
    let prompt = try prompt(for: observation, context: context)
    let timeout = specification.control.frozenCameraTimeout
    let frozen = context.frozenCameras.observe(observation, commandMoves: context.lastCommandMoves, timeout: timeout)
    if let frozen, let timeout {
      throw RobotError(
        .frozenCamera, "observation.frames[\(frozen)]",
        "\(observation.frames[frozen].camera) has shown the same picture for more than \(timeout / 1_000_000) ms "
          + "while the robot was told to move")
    }
    let pictures = try reader.pictures(of: observation, at: indices)
    clock.finish(.decode, in: &timings)
    let input = try modelInput(prompt: prompt, pictures: pictures, context: &context)
    clock.finish(.preprocess, in: &timings)
    do throws(ModelError) {
      let encoded = try model.encode(input, timings: &timings)
      clock.skip()
      let generation = try model.generate(
        from: encoded, maximumTokens: grammar.maximumTokens, constraint: grammar)
      clock.finish(.generate, in: &timings)
      return generation
    } catch {
      throw RobotError(.internal, "model", "the model failed: \(error.description)")
    }
  }

  /// What the model is given for an observation that begins an episode.
  package func modelInput(for observation: Observation) throws(RobotError) -> ModelInput {
    var context = EpisodeContext()
    let pictures = try reader.pictures(of: observation, at: try reader.frameIndices(of: observation))
    return try modelInput(
      prompt: try prompt(for: observation, context: context), pictures: pictures, context: &context)
  }

  private func prompt(for observation: Observation, context: EpisodeContext) throws(RobotError) -> String {
    let historyCameras = specification.cameras.count { $0.input == .imageHistory }
    let instruction = try InstructionText.prepare(
      observation.instruction, promptImages: observation.promptImages.count,
      after: historyCameras + context.earlierFrames.count)
    return template.render(instruction: instruction, state: try state.render(observation.proprioception))
  }

  /// History frames: those of cameras in the policy's order, then those of earlier steps, then prompt images.
  private func modelInput(
    prompt: String, pictures: ObservationReader<Model>.Pictures, context: inout EpisodeContext
  ) throws(RobotError) -> ModelInput {
    let text: [Int32]
    do {
      text = try model.textInput(prompt)
    } catch {
      throw RobotError(.invalidInstruction, "observation.instruction", error.message)
    }
    var input = ModelInput(text: text)
    do throws(ModelError) {
      for (camera, picture) in zip(specification.cameras, pictures.cameras) where camera.input == .imageHistory {
        input.imageHistory.append(try model.historyInput(picture))
      }
      input.imageHistory += context.earlierFrames
      for picture in pictures.prompt { input.imageHistory.append(try model.historyInput(picture)) }
      for (camera, picture) in zip(specification.cameras, pictures.cameras) where camera.input == .image {
        input.image = try model.imageInput(picture)
        if camera.earlierFrames > 0 {
          context.remember(try model.historyInput(picture), capacity: camera.earlierFrames)
        }
      }
    } catch {
      throw RobotError(.invalidImage, "observation.frames", error.message)
    }
    return input
  }

  /// Answers an observation of black pictures with every measured value in the middle of its range.
  public func warmUp() throws(RobotError) {
    let frames = specification.cameras.map { camera in
      CameraFrame(
        camera: camera.name, encoding: .rgb8, width: camera.width, height: camera.height,
        data: [UInt8](repeating: 0, count: camera.width * camera.height * 3))
    }
    let observation = Observation(
      sequence: 0, capturedAt: 0, sentAt: 0, frames: frames,
      proprioception: specification.proprioception.map { $0.minimum / 2 + $0.maximum / 2 }, instruction: "Warm up.")
    var context = EpisodeContext()
    var timings = StageTimings()
    let generation = try generation(for: observation, context: &context, timings: &timings)
    _ = try grammar.actions(from: generation.tokens)
  }
}

extension UInt64 {
  /// The sum, or the largest number when it does not fit.
  fileprivate func addingClamped(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
