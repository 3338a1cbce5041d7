import RobotInterface
import RobotPolicy
import UnifiedIO

/// Answers `Generate` with Unified-IO 2.
struct UnifiedIOGenerator: Sendable {
  let runner: TaskRunner

  /// As ``Generating/prepare(_:cancellation:)``: the content is a ``PreparedTask``.
  func prepare(_ request: GenerationRequest, _ cancellation: Cancellation) throws(RobotError) -> PreparedInput {
    try check(request)
    var clock = StageClock(), timings = StageTimings()
    let input = try input(request, cancellation)
    clock.finish(.decode, in: &timings)
    let task: PreparedTask
    do throws(ModelError) { task = try runner.prepare(input, target: request.target) } catch {
      throw RobotError(generating: error)
    }
    clock.finish(.preprocess, in: &timings)
    return PreparedInput(task, timings: timings)
  }

  /// As ``Generating/generate(_:prepared:goesOn:)``.
  func generate(
    _ request: GenerationRequest, _ prepared: PreparedInput, goesOn: @escaping @Sendable (GenerationMoment) -> Bool
  ) throws(RobotError) -> GenerationResult {
    guard let task = prepared.content as? PreparedTask else {
      throw RobotError(.internal, "generate", "the request was prepared by another policy")
    }
    let tokenizer = runner.tokenizer
    let watch = GenerationWatch(prepared.timings, goesOn) { request.beams > 1 ? "" : tokenizer.decode($0) }
    guard watch.pause() else { return watch.result() }
    do throws(ModelError) {
      switch request.output {
      case .text: return watch.result(try runner.follow(task, settings: settings(request, watch)))
      case .image:
        let picture = try runner.makePicture(for: task, settings: mediaSettings(request, watch))
        return watch.result(GenerationResult.Media(kind: .png, bytes: try picture.pngData()))
      case .audio:
        let sound = try runner.makeSound(for: task, settings: mediaSettings(request, watch))
        return watch.result(GenerationResult.Media(kind: .wav, bytes: try sound.wav()))
      }
    } catch {
      if error.code == .cancelled { return watch.result() }
      throw RobotError(generating: error)
    }
  }

  /// Refuses, before anything is decoded or computed, what this checkpoint does not read, cannot answer with, or could not send.
  private func check(_ request: GenerationRequest) throws(RobotError) {
    let target = request.target
    guard runner.model.configuration.targetModalities.contains(target),
      target == .text || runner.model.hasTokenizer(target)
    else {
      throw RobotError(
        .unsupported, "generate.output", "this checkpoint writes no \(target.rawValue); it has no such output part")
    }
    try checkInputs(request)
    // The sides have been checked: the product cannot overflow. Noise as PNG is a little larger than its pixels.
    if target == .image, let size = request.images.last.map({ $0.width * $0.height * 3 }),
      size + size / 100 > ProtocolLimits.maximumMediaBytes
    {
      throw RobotError(
        .tooLarge, "generate.images[\(request.images.count - 1)]",
        "the answer has the size of the picture, here \(size) bytes of pixels, and at most "
          + "\(ProtocolLimits.maximumMediaBytes) can be sent; send a smaller picture")
    }
  }

  private func checkInputs(_ request: GenerationRequest) throws(RobotError) {
    func require(_ modality: Configuration.InputModality, _ subject: String) throws(RobotError) {
      guard !runner.model.configuration.inputModalities.contains(modality) else { return }
      throw RobotError(
        .unsupported, subject,
        "this checkpoint does not read \(modality.rawValue); its input_modalities leave it out")
    }
    if !request.images.isEmpty { try require(.image, "generate.images") }
    if request.images.count > 1 { try require(.imageHistory, "generate.images") }
    if !request.audio.isEmpty { try require(.audio, "generate.audio") }
    let limit = max(runner.preprocessor.geometry.maximumHistoryFrames, 0)
    guard request.images.count <= limit + 1 else {
      throw RobotError(
        .invalidImage, "generate.images",
        "\(request.images.count) pictures; at most one and \(limit) earlier ones are read")
    }
    var budget = PixelBudget(runner.preprocessor.geometry.maximumSourcePixels)
    for (index, frame) in request.images.enumerated() { try budget.take(frame, "generate.images[\(index)]") }
  }

  /// What the request shows and plays, decoded.
  private func input(_ request: GenerationRequest, _ cancellation: Cancellation) throws(RobotError) -> TaskInput {
    var input = TaskInput(prompt: request.prompt)
    var pictures: [Image] = []
    for (index, frame) in request.images.enumerated() {
      pictures.append(
        try frame.picture(
          "generate.images[\(index)]", cancellation: cancellation, decode: Image.decode(_:within:),
          wrap: { width, height, pixels throws(ModelError) in
            try Image(width: width, height: height, pixels: pixels)
          }))
    }
    input.image = pictures.popLast()
    input.history = pictures
    input.box = request.box.map { PixelBox(minX: $0.minX, minY: $0.minY, maxX: $0.maxX, maxY: $0.maxY) }
    if !request.audio.isEmpty {
      let limits = SoundLimits(
        duration: runner.preprocessor.geometry.maximumSoundDuration,
        valuesPerSecond: SoundLimits.usualValuesPerSecond, cancellation: cancellation)
      do throws(ModelError) { input.sound = try Sound.decode(request.audio, within: limits) } catch {
        throw RobotError(generating: error)
      }
    }
    return input
  }

  private func settings(_ request: GenerationRequest, _ watch: GenerationWatch) -> TaskSettings {
    TaskSettings(
      maximumTokens: request.maximumTokens, temperature: request.temperature ?? 0, topK: request.topK,
      topP: request.topP, seed: request.seed, beams: request.beams, onProgress: { watch.token($0) })
  }

  private func mediaSettings(_ request: GenerationRequest, _ watch: GenerationWatch) -> MediaSettings {
    // What is left out is the release's.
    let standard = MediaSettings()
    return MediaSettings(
      guidance: request.guidance, negativePrompt: request.negativePrompt.isEmpty ? nil : request.negativePrompt,
      temperature: request.temperature ?? standard.temperature, topK: request.topK,
      topP: request.topP ?? standard.topP, seed: request.seed, onProgress: { watch.token($0) })
  }
}

extension GenerationRequest {
  fileprivate var target: TargetModality {
    switch output {
    case .text: .text
    case .image: .image
    case .audio: .audio
    }
  }
}

extension RobotError {
  /// The model's refusal in the words of the wire.
  fileprivate init(generating error: ModelError) {
    switch (error.code, error.subject) {
    case (.invalidSound, _), (.invalidInput, "audio"): self.init(.invalidAudio, "generate.audio", error.message)
    case (.invalidImage, _), (.invalidInput, "image history"):
      self.init(.invalidImage, "generate.images", error.message)
    case (.invalidInput, "prompt"): self.init(.invalidInstruction, "generate.prompt", error.message)
    case (.invalidInput, _): self.init(.malformed, "generate.\(error.subject)", error.message)
    case (.unsupportedModality, let name):
      self.init(.unsupported, name.hasPrefix("audio") ? "generate.audio" : "generate.images", error.message)
    default: self.init(.internal, "model", "the model failed: \(error.description)")
    }
  }
}
