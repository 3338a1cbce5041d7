/// Tasks that answer with a picture or a sound.
extension TaskRunner {
  /// Lets the model draw what the prompt says.
  ///
  /// - Returns: in the size of the picture (or the film) of `input`; from words and sound alone the square that the model draws.
  /// - Throws: ``ModelError`` `.missingTensor` when the checkpoint has no image tokeniser, `.unsupportedModality` when it writes no
  ///   pictures, `.invalidInput` for settings out of range, `.cancelled`, and as ``encode(_:target:)``.
  public func makePicture(
    for input: TaskInput, settings: MediaSettings = MediaSettings()
  ) throws(ModelError) -> Image {
    try paint(input, settings).quantized()
  }

  /// As ``makePicture(for:settings:)``, before values are cut to bytes: red, green and blue, 0...1.
  ///
  /// - Parameter adjust: may change what the model takes in.
  func paint(
    _ input: TaskInput, _ settings: MediaSettings, adjust: (inout ModelInput) -> Void = { _ in }
  ) throws(ModelError) -> FloatImage {
    try paint(settings) { () throws(ModelError) in
      var task = try prepare(input, target: .image)
      adjust(&task.input)
      return task
    }
  }

  /// - Parameter prepare: gives the example, once it is clear that the checkpoint can answer.
  func paint(
    _ settings: MediaSettings, _ prepare: () throws(ModelError) -> PreparedTask
  ) throws(ModelError) -> FloatImage {
    try settings.check()
    _ = try model.tokenizer(model.imageTokenizer, .image)
    let total = try model.target(.image).rotary.count
    let task = try prepare()
    let encoded = try encode(task, for: .image)
    let guidance = try guidance(settings, .image, isTextOnly: task.isTextOnly)
    return try model.generateImage(
      from: encoded, guidance: guidance, options: settings.options, shapedLike: task.placement,
      progress: { count throws(ModelError) in try settings.report(count, of: total) })
  }

  /// Lets the model sound as the prompt says: 4.08 seconds of the spectrogram that it writes.
  ///
  /// - Parameter vocoder: makes the spectrogram audible; `nil`: Griffin and Lim's method, which needs no weights.
  /// - Throws: ``ModelError`` `.missingTensor` when the checkpoint has no audio tokeniser, `.unsupportedModality` when it writes no
  ///   sound, `.invalidInput` for settings out of range, `.cancelled`, and as ``encode(_:target:)``.
  public func makeSound(
    for input: TaskInput, vocoder: Vocoder? = nil, settings: MediaSettings = MediaSettings()
  ) throws(ModelError) -> Sound {
    try makeSound(vocoder: vocoder, settings) { () throws(ModelError) in try prepare(input, target: .audio) }
  }

  /// - Parameter prepare: gives the example, once it is clear that the checkpoint can answer.
  func makeSound(
    vocoder: Vocoder?, _ settings: MediaSettings, _ prepare: () throws(ModelError) -> PreparedTask
  ) throws(ModelError) -> Sound {
    try settings.check()
    _ = try model.tokenizer(model.audioTokenizer, .audio)
    let total = try model.target(.audio).rotary.count
    let task = try prepare()
    let encoded = try encode(task, for: .audio)
    let guidance = try guidance(settings, .audio, isTextOnly: task.isTextOnly)
    let spectrogram = try model.generateSpectrogram(
      from: encoded, guidance: guidance, options: settings.options,
      progress: { count throws(ModelError) in try settings.report(count, of: total) })
    if let vocoder { return try vocoder.waveform(of: spectrogram) }
    return try spectrogram.waveform(seed: settings.seed)
  }

  /// The negative prompt is said alone, without pictures or sound, as the release does.
  private func guidance(
    _ settings: MediaSettings, _ target: TargetModality, isTextOnly: Bool
  ) throws(ModelError) -> Guidance? {
    let scale = settings.guidance ?? Guidance.standardScale(for: target, isTextOnly: isTextOnly)
    guard scale != 0 else { return nil }
    let prompt = settings.negativePrompt ?? Guidance.negativePrompt(for: target)
    return Guidance(negative: try encode(TaskInput(prompt: prompt), target: target), scale: scale)
  }
}

extension MediaSettings {
  fileprivate var options: GenerationOptions {
    GenerationOptions(maximumTokens: .max, temperature: temperature, topK: topK, topP: topP, seed: seed)
  }

  /// Refuses numbers outside their ranges.
  fileprivate func check() throws(ModelError) {
    try TaskSettings(temperature: temperature, topK: topK, topP: topP).check(constrained: false)
    if let guidance, !(guidance >= 0 && guidance.isFinite) {
      throw ModelError(.invalidInput, "guidance", "must be 0 or more, found \(guidance)")
    }
  }

  fileprivate func report(_ count: Int, of total: Int) throws(ModelError) {
    guard onProgress?(TaskProgress(unit: .tokens, done: count, total: total)) == false else { return }
    throw ModelError(.cancelled, "generation", "was ended by the caller after \(count) of \(total) tokens")
  }
}
