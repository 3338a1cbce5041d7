import Files

/// Why a checkpoint, a tokenizer, a picture, a sound, a video or a prompt could not be used.
public struct ModelError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What went wrong; new codes may be added, so match with `==` and keep a default.
  public struct Code: RawRepresentable, Sendable, Hashable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    public static let unreadableFile = Code(rawValue: "unreadable_file")
    /// The model said something that the task cannot read.
    public static let unexpectedAnswer = Code(rawValue: "unexpected_answer")
    public static let invalidConfiguration = Code(rawValue: "invalid_configuration")
    public static let missingTensor = Code(rawValue: "missing_tensor")
    public static let surplusTensor = Code(rawValue: "surplus_tensor")
    public static let shapeMismatch = Code(rawValue: "shape_mismatch")
    public static let invalidWeights = Code(rawValue: "invalid_weights")
    public static let invalidTokenizer = Code(rawValue: "invalid_tokenizer")
    public static let invalidImage = Code(rawValue: "invalid_image")
    public static let invalidSound = Code(rawValue: "invalid_sound")
    public static let invalidVideo = Code(rawValue: "invalid_video")
    public static let invalidInput = Code(rawValue: "invalid_input")
    public static let positionOutOfRange = Code(rawValue: "position_out_of_range")
    public static let tokenOutOfRange = Code(rawValue: "token_out_of_range")
    public static let unsupportedModality = Code(rawValue: "unsupported_modality")
    /// The caller ended a long computation.
    public static let cancelled = Code(rawValue: "cancelled")
  }

  public var code: Code
  /// The tensor, file or field at fault.
  public var subject: String
  /// What was expected, what was found, what to do.
  public var message: String

  public init(_ code: Code, _ subject: String, _ message: String) {
    self.code = code
    self.subject = subject
    self.message = message
  }

  public var description: String { "\(code.rawValue): \(subject): \(message)" }

  /// The same fault of a file.
  package init(_ error: FileError) { self.init(Code(rawValue: error.code.rawValue), error.path, error.message) }
}
