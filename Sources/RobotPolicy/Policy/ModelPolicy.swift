public import RobotInterface
package import UnifiedIO

/// A policy that asks a multimodal model what to do: observation → prompt → answer → actions → safety envelope.
public struct ModelPolicy<Model: ActionModel>: ObservationPolicy {
  /// What the policy drives and expects.
  public let capabilities: Capabilities
  let specification: PolicySpecification
  package let model: Model
  package let grammar: any ActionGrammar
  let reader: ObservationReader<Model>
  let sounds = SoundMemory()
  let pictures = PictureMemory()
  private let instructions: InstructionReader
  private let template: PromptTemplate
  private let state: StateText
  private let envelope: SafetyEnvelope
  private let motion: any ActionMotion
  /// The model's.
  public var workingMemory: Int { model.workingMemory }

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
    if let audio = specification.audio, audio.maximumDuration > model.maximumSoundDuration {
      throw PolicyError(
        .incompatibleModel, "audio.maximum_duration_s",
        "expected at most \(model.maximumSoundDuration) seconds, which the model can hear, found \(audio.maximumDuration)"
      )
    }
    grammar = try specification.actionSpace.grammar(for: model.tokenizer)
    guard grammar.maximumTokens <= model.maximumAnswerTokens else {
      throw PolicyError(
        .incompatibleModel, "action_space",
        "expected answers of at most \(model.maximumAnswerTokens) tokens, which the model can say, found "
          + "\(grammar.maximumTokens)")
    }
    self.specification = specification
    self.model = model
    var capabilities = specification.capabilities(digest: digest, serverVersion: serverVersion)
    (capabilities.weights, capabilities.activations) = (model.weightFormat, model.activationFormat)
    self.capabilities = capabilities
    reader = ObservationReader(model: model, specification: specification)
    instructions = InstructionReader(specification.instructions, audio: specification.audio)
    template = try PromptTemplate(specification.prompt.template)
    state = StateText(specification.proprioception)
    envelope = SafetyEnvelope(specification)
    motion = specification.actionSpace.motion(in: specification)
  }

  /// Turns an observation into commands that are already inside the safety envelope.
  public func act(
    on observation: Observation, context: inout EpisodeContext
  ) throws(RobotError) -> ActionChunk {
    var steps = [PolicyStep(observation: observation, context: context)]
    let results = act(on: &steps)
    context = steps[0].context
    return try results[0].get()
  }

  /// Turns several observations into commands: the model encodes together, and decodes together, what could be read.
  public func act(on steps: inout [PolicyStep]) -> [Result<ActionChunk, RobotError>] {
    var timings = StageTimings()
    let answers = answers(to: &steps, timings: &timings)
    var clock = StageClock()
    var results: [Result<ActionChunk, RobotError>] = []
    for (index, answer) in answers.enumerated() {
      results.append(Result { () throws(RobotError) in try chunk(try answer.get(), for: &steps[index]) })
    }
    clock.finish(.post, in: &timings)
    for (index, result) in results.enumerated() {
      switch result {
      case .success(var chunk):
        chunk.timings = timings
        if let prepared = steps[index].prepared { chunk.timings.add(prepared.timings) }
        results[index] = .success(chunk)
      case .failure: steps[index].context.recordRefusal()
      }
    }
    return results
  }

  /// Makes an answer of the model into commands, without their timings.
  private func chunk(_ generation: TextGeneration, for step: inout PolicyStep) throws(RobotError) -> ActionChunk {
    let observation = step.observation
    let said = try actions(in: generation)
    let actions = try envelope.limit(
      said, proprioception: observation.proprioception, pending: try step.context.pendingActions(after: observation),
      skipsExecuted: observation.skipsExecuted)
    let moves = motion.moves(actions, proprioception: observation.proprioception, last: step.context.lastActions.last)
    let validUntil = observation.capturedAt.addingClamped(specification.control.deadline)
    step.context.record(actions, moving: moves, validUntil: validUntil)
    return ActionChunk(
      observationSequence: observation.sequence, capturedAt: observation.capturedAt, validUntil: validUntil,
      actions: actions,
      tokens: generation.tokens, text: model.tokenizer.decode(generation.tokens),
      confidence: min(max(generation.confidence, 0), 1), timings: StageTimings(),
      policyDigest: capabilities.policyDigest)
  }

  /// The commands that an answer stands for, before the safety envelope.
  ///
  /// - Throws: ``RobotError`` `.invalidAction` for an answer that is not whole, not sure of itself in any number, or not of the grammar.
  func actions(in generation: TextGeneration) throws(RobotError) -> [Action] {
    guard generation.finishReason == .end else {
      throw .invalidAnswer("the model did not finish its answer within \(generation.tokens.count) tokens")
    }
    guard generation.confidence.isFinite else {
      throw .invalidAnswer("expected a confidence from 0 to 1, found \(generation.confidence); the weights are unsound")
    }
    return try grammar.actions(from: generation.tokens)
  }

  /// Runs the model on what the observations show.
  ///
  /// - Returns: for each step what the model says, or why it was not asked.
  func answers(
    to steps: inout [PolicyStep], timings: inout StageTimings
  ) -> [Result<TextGeneration, RobotError>] {
    var inputs: [Result<ModelInput, RobotError>] = []
    // One for all: whoever comes later also waits for an observation that is refused.
    var clock = StageClock()
    for index in steps.indices {
      do throws(RobotError) {
        inputs.append(.success(try modelInput(for: &steps[index], clock: &clock, timings: &timings)))
      } catch {
        inputs.append(.failure(error))
      }
    }
    clock.finish(.preprocess, in: &timings)
    var said = answers(to: inputs.compactMap { try? $0.get() }, timings: &timings)[...]
    return inputs.map { input in
      input.flatMap { _ in said.popFirst() ?? .failure(Self.failure("it left an example unanswered")) }
    }
  }

  /// Asks the model for all answers together; should that fail, one after the other, so that one input spoils no other's answer.
  private func answers(
    to inputs: [ModelInput], timings: inout StageTimings
  ) -> [Result<TextGeneration, RobotError>] {
    guard !inputs.isEmpty else { return [] }
    do throws(ModelError) {
      let encoded = try model.encode(inputs, timings: &timings)
      var clock = StageClock()
      let generations = try model.generate(
        from: encoded, maximumTokens: grammar.maximumTokens, constraint: grammar)
      clock.finish(.generate, in: &timings)
      return generations.map { .success($0) }
    } catch {
      guard inputs.count > 1 else { return [.failure(Self.refusal(error))] }
      var answers: [Result<TextGeneration, RobotError>] = []
      for input in inputs { answers += self.answers(to: [input], timings: &timings) }
      return answers
    }
  }

  /// NaN and infinity would have become some action. They are a fault of the answer, so the robot holds.
  private static func refusal(_ error: ModelError) -> RobotError {
    guard error.code == .nonFinite else { return failure(error.description) }
    return RobotError(.invalidAction, "model", "\(error.subject) \(error.message)")
  }

  private static func failure(_ message: String) -> RobotError {
    RobotError(.internal, "model", "the model failed: \(message)")
  }

  /// Reads a step's pictures and words, as far as they may be acted on.
  private func modelInput(
    for step: inout PolicyStep, clock: inout StageClock, timings: inout StageTimings
  ) throws(RobotError) -> ModelInput {
    let observation = step.observation
    _ = try reader.frameIndices(of: observation)
    try reader.checkAudio(of: observation)
    let prompt = try prompt(for: observation, context: step.context)
    let timeout = specification.control.frozenCameraTimeout
    let movesUntil = step.context.movesUntil
    let frozen = step.context.frozenCameras.observe(
      observation, movesUntil: movesUntil, chunk: step.context.counters.chunks, timeout: timeout)
    if let frozen, let timeout {
      throw RobotError(
        .frozenCamera, "observation.frames[\(frozen)]",
        "\(observation.frames[frozen].camera) has shown the same picture for more than \(timeout / 1_000_000) ms "
          + "while the robot was told to move")
    }
    let senses = try senses(of: step, clock: &clock, timings: &timings)
    let input = try modelInput(prompt: prompt, senses: senses, context: &step.context)
    clock.finish(.preprocess, in: &timings)
    return input
  }

  /// What the model is given for an observation that begins an episode.
  package func modelInput(for observation: Observation) throws(RobotError) -> ModelInput {
    var step = PolicyStep(observation: observation, context: EpisodeContext())
    var clock = StageClock(), timings = StageTimings()
    let senses = try senses(of: step, clock: &clock, timings: &timings)
    return try modelInput(
      prompt: try prompt(for: observation, context: step.context), senses: senses, context: &step.context)
  }

  private func prompt(for observation: Observation, context: EpisodeContext) throws(RobotError) -> PromptText {
    let historyCameras = specification.cameras.count { $0.input == .imageHistory }
    let instruction = try instructions.read(observation, after: historyCameras + context.earlierFrames.count)
    return template.render(instruction: instruction, state: try state.render(observation.proprioception))
  }

  /// History frames: those of cameras in the policy's order, then those of earlier steps, then prompt images.
  private func modelInput(
    prompt: PromptText, senses: PreparedSenses, context: inout EpisodeContext
  ) throws(RobotError) -> ModelInput {
    let text: [Int32]
    do {
      text = try model.textInput(prompt)
    } catch {
      throw RobotError(.invalidInstruction, "observation.instruction", error.message)
    }
    var input = ModelInput(text: text, audio: senses.sound?.audio, audioHistory: senses.sound?.history ?? [])
    let cameras = zip(specification.cameras, senses.cameras)
    for (camera, picture) in cameras where camera.input == .imageHistory { input.imageHistory.append(picture) }
    input.imageHistory += context.earlierFrames + senses.prompt
    for (camera, picture) in cameras where camera.input == .image {
      input.image = picture
      if let memory = senses.memory { context.remember(memory, capacity: camera.earlierFrames) }
    }
    return input
  }
}

extension UInt64 {
  /// The sum, or the largest number when it does not fit.
  func addingClamped(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
