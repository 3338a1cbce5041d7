import FoundationEssentials
public import RobotInterface
public import Tensors
public import UnifiedIO

/// A policy that runs Unified-IO 2.
public typealias UnifiedIOPolicy = ModelPolicy<UnifiedIOActionModel>

extension ModelPolicy where Model == UnifiedIOActionModel {
  /// Loads the model and the tokenizer of a bundle.
  ///
  /// - Parameters:
  ///   - bundle: the policy.
  ///   - weights: how the model's matrices are kept and multiplied with.
  ///   - serverVersion: of the daemon, for the capabilities.
  /// - Throws: ``PolicyError`` `.incompatibleModel` when they cannot be used, or not with this policy.
  public init(
    bundle: PolicyBundle, weights: WeightOptions = .standard, serverVersion: String = ""
  ) throws(PolicyError) {
    let model: UnifiedIOActionModel
    do {
      model = try UnifiedIOActionModel(bundle: bundle, weights: weights)
    } catch {
      throw PolicyError(.incompatibleModel, error.subject, "\(error.code.rawValue): \(error.message)")
    }
    try self.init(
      specification: bundle.specification, digest: bundle.digest, model: model, serverVersion: serverVersion)
  }
}

extension Tokenizer: TextTokenizing {}
extension Image: ActionPicture {}

/// Unified-IO 2 as policies know it.
public struct UnifiedIOActionModel: ActionModel {
  /// Model, preprocessor and vocabulary, for questions that no policy asks.
  public let runner: TaskRunner
  /// The model's vocabulary.
  public var tokenizer: Tokenizer { runner.tokenizer }
  /// Frames that the model's history encoder was made for.
  public let maximumHistoryFrames: Int
  /// Of the segments that the model's audio and audio history take; 0 where it has no audio input.
  public let maximumSoundDuration: Double
  /// The decoder's table of positions has so many rows.
  public let maximumAnswerTokens: Int
  /// Of as many beams as a question may have.
  public var workingMemory: Int { model.configuration.workingMemory(sequences: 16) }
  /// The model's.
  public var weightFormat: String { model.weightFormat.rawValue }
  /// The model's.
  public var activationFormat: String { model.activationFormat }
  private var model: UnifiedIOModel { runner.model }
  private var preprocessor: Preprocessor { runner.preprocessor }

  /// Makes model and tokenizer of the bytes that the bundle's digest is of.
  ///
  /// - Throws: ``ModelError`` when they cannot be used, or not for a policy.
  public init(bundle: PolicyBundle, weights: WeightOptions = .standard) throws(ModelError) {
    let tokenizer = try Tokenizer(serializedModel: bundle.tokenizer.contents)
    let configuration = try Configuration(json: bundle.configuration, subject: bundle.model.configuration.path)
    let checkpoint: Checkpoint
    do {
      checkpoint = try bundle.checkpoint()
    } catch {
      throw ModelError(error)
    }
    runner = try TaskRunner(
      model: UnifiedIOModel(configuration: configuration, checkpoint: checkpoint, weights: weights),
      tokenizer: tokenizer)
    let model = runner.model
    maximumAnswerTokens = model.configuration.transformer.maximumTargetText
    let readsHistory = model.configuration.inputModalities.contains(.imageHistory)
    maximumHistoryFrames = readsHistory ? model.configuration.sequenceLength.frames : 0
    let earlierSegments =
      model.configuration.inputModalities.contains(.audioHistory)
      ? runner.preprocessor.geometry.maximumHistoryFrames : 0
    maximumSoundDuration =
      model.configuration.inputModalities.contains(.audio)
      ? Double(1 + max(earlierSegments, 0)) * LogMelSpectrogram.duration : 0
    guard model.configuration.inputModalities.contains(.image), model.configuration.targetModalities.contains(.text)
    else {
      throw ModelError(.unsupportedModality, "config.json", "a policy needs image input and text output")
    }
  }

  /// Derived from the model's canvases.
  public var maximumPromptPixels: Int { preprocessor.geometry.maximumSourcePixels }

  /// Reads a JPEG or PNG file.
  public func decodePicture(_ file: [UInt8], within limits: ImageLimits) throws(ModelError) -> Image {
    try Image.decode(file, within: limits)
  }

  /// Wraps pixels.
  public func makePicture(width: Int, height: Int, pixels: [UInt8]) throws(ModelError) -> Image {
    try Image(width: width, height: height, pixels: pixels)
  }

  /// The tokens of a prompt.
  public func textInput(_ prompt: PromptText) throws(ModelError) -> [Int32] {
    let tokens = preprocessor.textInput(prompt)
    let maximum = model.configuration.transformer.maximumInputText
    // The preprocessor cuts what does not fit, and with it the state at the end of the prompt.
    guard tokens.count < maximum else {
      throw ModelError(.invalidInput, "prompt", "expected fewer than \(maximum) tokens with the state; shorten it")
    }
    return tokens
  }

  /// The patches of the current picture.
  public func imageInput(_ picture: Image) throws(ModelError) -> PatchInput { try preprocessor.imageInput(picture) }

  /// The patches of a history frame.
  public func historyInput(_ picture: Image) throws(ModelError) -> PatchInput {
    try preprocessor.historyInput(picture)
  }

  /// The patches of a sound, of which no part is left out.
  public func soundInput(_ clip: AudioClip, within limits: SoundLimits) throws(ModelError) -> SoundInput {
    let sound: Sound
    switch clip.encoding {
    case .file: sound = try Sound.decode(clip.data, within: limits)
    case .pcm16: sound = try Sound(pcm16: clip.data, sampleRate: AudioClip.pcmSampleRate, within: limits)
    }
    guard sound.isAudible else {
      throw ModelError(.invalidSound, "sound", "is silent: nothing in it is louder than a thousandth of the full scale")
    }
    let (audio, history) = try preprocessor.wholeAudioInput(sound)
    return SoundInput(audio: audio, history: history)
  }

  /// Runs the encoder.
  public func encode(_ inputs: [ModelInput], timings: inout StageTimings) throws(ModelError) -> [EncodedInput] {
    var halves = EncodingTimings()
    let encoded = try model.encode(inputs, timings: &halves)
    timings[.vision] += halves.vision.wholeNanoseconds
    timings[.encode] += halves.encode.wholeNanoseconds
    return encoded
  }

  /// Runs the decoder.
  public func generate(
    from examples: [EncodedInput], maximumTokens: Int, constraint: any TokenConstraint
  ) throws(ModelError) -> [TextGeneration] {
    try model.generateText(
      from: examples, options: GenerationOptions(maximumTokens: maximumTokens), constraint: constraint)
  }
}
