import RobotInterface
import RobotLink
import RobotPolicy
import UnifiedIO

/// Answers `Generate` with Unified-IO 2.
struct UnifiedIOGenerator: Sendable {
  let runner: TaskRunner

  /// As ``Generating/generate(_:goesOn:)``.
  func generate(
    _ request: GenerationRequest, goesOn: @escaping @Sendable (GenerationMoment) -> Bool
  ) throws(RobotError) -> GenerationResult {
    try check(request)
    let tokenizer = runner.tokenizer
    let watch = GenerationWatch(goesOn) { tokens in request.beams > 1 ? "" : tokenizer.decode(tokens) }
    guard let input = try input(request, watch) else { return watch.result() }
    do throws(ModelError) {
      switch request.output {
      case .text: return watch.result(try runner.follow(input, settings: settings(request, watch)))
      case .image:
        let picture = try runner.makePicture(for: input, settings: mediaSettings(request, watch))
        return watch.result(GenerationResult.Media(kind: .png, bytes: try picture.pngData()))
      case .audio:
        let sound = try runner.makeSound(for: input, settings: mediaSettings(request, watch))
        return watch.result(GenerationResult.Media(kind: .wav, bytes: try sound.wav()))
      }
    } catch {
      if error.code == .cancelled { return watch.result() }
      throw RobotError(generating: error)
    }
  }

  /// Refuses, before anything is computed, what this checkpoint cannot answer with, or could not send.
  private func check(_ request: GenerationRequest) throws(RobotError) {
    let target = request.target
    guard runner.model.configuration.targetModalities.contains(target),
      target == .text || runner.model.hasTokenizer(target)
    else {
      throw RobotError(
        .unsupported, "generate.output", "this checkpoint writes no \(target.rawValue); it has no such output part")
    }
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

  /// What the request shows and plays, decoded; `nil` when it was cancelled meanwhile.
  private func input(_ request: GenerationRequest, _ watch: GenerationWatch) throws(RobotError) -> TaskInput? {
    let limit = max(runner.preprocessor.geometry.maximumHistoryFrames, 0)
    guard request.images.count <= limit + 1 else {
      throw RobotError(
        .invalidImage, "generate.images",
        "\(request.images.count) pictures; at most one and \(limit) earlier ones are read")
    }
    var input = TaskInput(prompt: request.prompt)
    var pictures: [Image] = []
    for (index, frame) in request.images.enumerated() {
      guard watch.pause() else { return nil }
      pictures.append(
        try frame.picture(
          "generate.images[\(index)]", decode: { bytes throws(ModelError) in try Image.decode(bytes) },
          wrap: { width, height, pixels throws(ModelError) in
            try Image(width: width, height: height, pixels: pixels)
          }))
    }
    input.image = pictures.popLast()
    input.history = pictures
    input.box = request.box.map { PixelBox(minX: $0.minX, minY: $0.minY, maxX: $0.maxX, maxY: $0.maxY) }
    if !request.audio.isEmpty {
      guard watch.pause() else { return nil }
      do throws(ModelError) { input.sound = try Sound.decode(request.audio) } catch {
        throw RobotError(generating: error)
      }
    }
    watch.finishDecoding()
    return watch.pause() ? input : nil
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
