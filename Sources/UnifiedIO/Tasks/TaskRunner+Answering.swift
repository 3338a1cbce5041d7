import Foundation

/// An answer in words.
public struct TextAnswer: Sendable, Hashable {
  /// Without the final EOS; location tokens read `<extra_id_200>` to `<extra_id_1199>`.
  public var text: String
  /// The tokens and how sure the model was of them.
  public var generation: TextGeneration

  /// - Parameters:
  ///   - text: decoded.
  ///   - generation: what it was decoded from.
  public init(text: String, generation: TextGeneration) {
    self.text = text
    self.generation = generation
  }
}

/// What all tasks share: the way in and the way out.
extension TaskRunner {
  /// Prepares and encodes an example.
  ///
  /// - Parameter target: what the answer shall be.
  /// - Throws: ``ModelError`` `.invalidInput` for a prompt that is too long, more history than the checkpoint reads, a box
  ///   without a picture, or a film beside pictures or sound; `.invalidImage`, `.invalidSound`, `.invalidVideo`,
  ///   `.unsupportedModality`.
  public func encode(_ input: TaskInput, target: TargetModality = .text) throws(ModelError) -> EncodedInput {
    try model.encode(try modelInput(input, target: target))
  }

  /// What the model takes in for an example.
  ///
  /// - Throws: as ``encode(_:target:)``.
  public func modelInput(_ input: TaskInput, target: TargetModality = .text) throws(ModelError) -> ModelInput {
    let limit = preprocessor.geometry.maximumHistoryFrames
    guard input.history.count <= limit else {
      throw ModelError(
        .invalidInput, "image history", "at most \(limit) earlier pictures are read, found \(input.history.count)")
    }
    let text: [Int32]
    if let box = input.box {
      text = try preprocessor.textInput(input.prompt, target: target, box: box, in: try placement(of: input.image))
    } else {
      text = preprocessor.textInput(input.prompt, target: target)
    }
    // The preprocessor cuts as the reference does; here the end of a question would be lost without a word.
    guard text.count < preprocessor.geometry.maximumTextLength else {
      throw ModelError(
        .invalidInput, "prompt", "has \(preprocessor.geometry.maximumTextLength) tokens or more; shorten it")
    }
    if let video = input.video {
      guard input.image == nil, input.history.isEmpty, input.sound == nil else {
        throw ModelError(.invalidInput, "video", "stands for pictures and sound; leave those out")
      }
      let film = try preprocessor.videoInput(video)
      return ModelInput(
        text: text, image: film.image, imageHistory: film.imageHistory, audio: film.audio,
        audioHistory: film.audioHistory)
    }
    var prepared = ModelInput(text: text, imageHistory: try preprocessor.historyInputs(input.history))
    if let image = input.image { prepared.image = try preprocessor.imageInput(image) }
    if let sound = input.sound { (prepared.audio, prepared.audioHistory) = try hear(sound) }
    return prepared
  }

  /// The preprocessor leaves out the middle of a long recording as the reference does; here that is an error.
  private func hear(_ sound: Sound) throws(ModelError) -> (audio: PatchInput, history: [PatchInput]) {
    let segments = try SoundSegments(of: sound), limit = preprocessor.geometry.maximumHistoryFrames + 1
    guard segments.count <= limit else {
      let seconds = (Double(limit) * SoundSegments.spectrogramLength * 100).rounded() / 100
      throw ModelError(
        .invalidInput, "audio", "lasts \(sound.duration) seconds; at most about \(seconds) are heard, shorten it")
    }
    return try preprocessor.audioInput(segments)
  }

  /// Where the picture lies on the model's canvas.
  ///
  /// - Throws: ``ModelError`` `.invalidInput` without a picture, `.invalidImage` for one that is too narrow.
  func placement(of image: Image?) throws(ModelError) -> ImagePlacement {
    guard let image else { throw ModelError(.invalidInput, "box", "needs a picture that it lies in") }
    return try preprocessor.imagePlacement(width: image.width, height: image.height)
  }

  /// Encodes an example and lets the model answer in words.
  ///
  /// - Parameters:
  ///   - input: the example.
  ///   - kind: gives the limit of tokens where the settings give none.
  ///   - constraint: a grammar; not with beam search.
  ///   - processor: sees the logits.
  /// - Throws: ``ModelError`` of the input, `.invalidInput` for settings that do not go together.
  func answer(
    _ input: TaskInput, as kind: TaskKind, _ settings: TaskSettings, constraint: (any TokenConstraint)? = nil,
    processor: (any LogitsProcessor)? = nil, maximumTokens: Int? = nil
  ) throws(ModelError) -> TextAnswer {
    try settings.check(constrained: constraint != nil)
    return try answer(
      from: try encode(input), as: kind, settings, constraint: constraint, processor: processor,
      maximumTokens: maximumTokens)
  }

  /// As ``answer(_:as:_:constraint:processor:maximumTokens:)``, of an encoded example; the settings have been checked.
  func answer(
    from encoded: EncodedInput, as kind: TaskKind, _ settings: TaskSettings, constraint: (any TokenConstraint)? = nil,
    processor: (any LogitsProcessor)? = nil, maximumTokens: Int? = nil
  ) throws(ModelError) -> TextAnswer {
    let limit = settings.maximumTokens ?? maximumTokens ?? kind.maximumTokens
    let observer = settings.observer
    let generation: TextGeneration
    if settings.beams > 1 {
      let hypotheses = try model.beamSearch(
        from: encoded, options: BeamSearchOptions(beams: settings.beams, maximumTokens: limit), processor: processor,
        onToken: observer)
      generation = TextGeneration(hypotheses.first)
    } else {
      let options = GenerationOptions(
        maximumTokens: limit, temperature: settings.temperature, topK: settings.topK, topP: settings.topP,
        seed: settings.seed)
      generation = try model.generateText(
        from: encoded, options: options, constraint: constraint, processor: processor, onToken: observer)
    }
    return TextAnswer(text: tokenizer.decode(generation.tokens), generation: generation)
  }
}

extension TaskSettings {
  /// ``onProgress`` as generation calls it.
  var observer: GenerationObserver? {
    onProgress.map { report in { report(TaskProgress(unit: .tokens, done: $0.count, total: $0.limit, token: $0.token)) }
    }
  }

  /// Refuses numbers outside their ranges and settings that do not go together.
  func check(constrained: Bool) throws(ModelError) {
    func require(_ condition: Bool, _ subject: String, _ message: String) throws(ModelError) {
      if !condition { throw ModelError(.invalidInput, subject, message) }
    }
    try require(temperature >= 0 && temperature.isFinite, "temperature", "must be 0 or more, found \(temperature)")
    try require(topP.map { $0 > 0 && $0 <= 1 } ?? true, "top-p", "must be above 0 and at most 1")
    try require(topK.map { $0 > 0 } ?? true, "top-k", "must be at least 1")
    try require(maximumTokens.map { $0 > 0 } ?? true, "max-tokens", "must be at least 1")
    try require((1...64).contains(beams), "beams", "must be 1 to 64, found \(beams)")
    try require(beams == 1 || temperature == 0, "beams", "beam search draws nothing; leave the temperature at 0")
    try require(beams == 1 || !constrained, "beams", "beam search knows no grammar; use 1 beam or the free form")
  }
}

extension TextGeneration {
  /// The best answer of beam search; its score is the mean log-probability of its tokens.
  fileprivate init(_ best: BeamHypothesis?) {
    guard let best else {
      self.init(tokens: [], finishReason: .length, confidence: 0)
      return
    }
    self.init(
      tokens: best.tokens, finishReason: best.tokens.last == Tokenizer.eos ? .end : .length,
      confidence: Double(exp(best.score)))
  }
}
