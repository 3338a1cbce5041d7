public import RobotInterface
public import UnifiedIO

/// A decoded picture of which a policy needs to know the size only.
public protocol ActionPicture: Sendable {
  /// Pixels.
  var width: Int { get }
  /// Pixels.
  var height: Int { get }
}

/// What a policy needs of a multimodal model, so that everything else about it can be tested without weights.
public protocol ActionModel: Sendable {
  /// A decoded picture.
  associatedtype Picture: ActionPicture
  /// The model's vocabulary.
  associatedtype Vocabulary: TextTokenizing
  /// What the encoder makes of an input.
  associatedtype Encoded

  /// Reads and writes the model's tokens.
  var tokenizer: Vocabulary { get }
  /// History frames that the model can look at.
  var maximumHistoryFrames: Int { get }
  /// Tokens that the decoder can say, EOS included.
  var maximumAnswerTokens: Int { get }
  /// Pixels that the prompt images of one observation may have together: more would be lost on the model.
  var maximumPromptPixels: Int { get }

  /// Bytes that it takes at most while it works, beside its weights; 512 MiB unless it says so.
  var workingMemory: Int { get }

  /// How its matrices are kept, such as `bf16`; empty unless it says so.
  var weightFormat: String { get }
  /// How the inputs of products with 8-bit weights are taken, such as `int16`; empty unless it says so.
  var activationFormat: String { get }

  /// Reads a JPEG or PNG file.
  ///
  /// - Parameter limits: held against the file's header before a pixel is decoded.
  func decodePicture(_ file: [UInt8], within limits: ImageLimits) throws(ModelError) -> Picture
  /// Wraps pixels, row-major, top row first, red green blue.
  func makePicture(width: Int, height: Int, pixels: [UInt8]) throws(ModelError) -> Picture

  /// The encoder's tokens for a prompt, prefix and EOS included.
  ///
  /// - Throws: ``ModelError`` `.invalidInput` when the prompt is too long to be read whole.
  func textInput(_ prompt: PromptText) throws(ModelError) -> [Int32]
  /// The patches of the current picture.
  func imageInput(_ picture: Picture) throws(ModelError) -> PatchInput
  /// The patches of a frame of the image history.
  func historyInput(_ picture: Picture) throws(ModelError) -> PatchInput

  /// Seconds of sound that the model hears at most; 0, unless it says so: it hears nothing.
  var maximumSoundDuration: Double { get }
  /// Decodes a sound and cuts it into patches; all of it is heard.
  ///
  /// - Parameter limits: nothing beyond them is decoded.
  /// - Throws: ``ModelError`` `.invalidSound` for damage, silence, and what the limits do not allow; `.cancelled`.
  func soundInput(_ clip: AudioClip, within limits: SoundLimits) throws(ModelError) -> SoundInput

  /// Runs the encoder on several inputs, adding the time of its two stages, `vision` and `encode`, to `timings`.
  ///
  /// - Returns: one entry an input, each the same to the bit as that of the input alone.
  func encode(_ inputs: [ModelInput], timings: inout StageTimings) throws(ModelError) -> [Encoded]
  /// Runs the decoder on several inputs, greedily, until the grammar says that the answers are complete.
  ///
  /// - Returns: one answer an input, each the same to the bit as that of the input alone.
  func generate(
    from examples: [Encoded], maximumTokens: Int, constraint: any TokenConstraint
  ) throws(ModelError) -> [TextGeneration]
}

extension ActionModel {
  /// As many as one picture may have at all.
  public var maximumPromptPixels: Int { Image.maximumPixelCount }
}

extension ActionModel {
  /// Hears nothing.
  public var maximumSoundDuration: Double { 0 }

  /// Refuses every sound.
  public func soundInput(_ clip: AudioClip, within limits: SoundLimits) throws(ModelError) -> SoundInput {
    throw ModelError(.unsupportedModality, "audio", "the model hears nothing")
  }
}

extension ActionModel {
  /// 512 MiB.
  public var workingMemory: Int { 512 << 20 }
  /// Not said.
  public var weightFormat: String { "" }
  /// Not said.
  public var activationFormat: String { "" }
}
