@_exported import Faults
import Files

/// Why a checkpoint, a tokenizer, a picture, a sound, a video or a prompt could not be used.
public typealias ModelError = Fault<ModelErrorCode>

/// What went wrong; new codes may be added, so match with `==` and keep a default.
public struct ModelErrorCode: RawRepresentable, FaultCode {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }

  public static let unreadableFile = Self(rawValue: "unreadable_file")
  /// The model said something that the task cannot read.
  public static let unexpectedAnswer = Self(rawValue: "unexpected_answer")
  public static let invalidConfiguration = Self(rawValue: "invalid_configuration")
  public static let missingTensor = Self(rawValue: "missing_tensor")
  public static let surplusTensor = Self(rawValue: "surplus_tensor")
  public static let shapeMismatch = Self(rawValue: "shape_mismatch")
  public static let invalidWeights = Self(rawValue: "invalid_weights")
  public static let invalidTokenizer = Self(rawValue: "invalid_tokenizer")
  public static let invalidImage = Self(rawValue: "invalid_image")
  /// A picture has another size than the one that it was announced with.
  public static let unexpectedSize = Self(rawValue: "unexpected_size")
  public static let invalidSound = Self(rawValue: "invalid_sound")
  public static let invalidVideo = Self(rawValue: "invalid_video")
  public static let invalidInput = Self(rawValue: "invalid_input")
  public static let positionOutOfRange = Self(rawValue: "position_out_of_range")
  public static let tokenOutOfRange = Self(rawValue: "token_out_of_range")
  public static let unsupportedModality = Self(rawValue: "unsupported_modality")
  /// A number that the model computed is NaN or infinite: its weights are unsound.
  public static let nonFinite = Self(rawValue: "non_finite")
  /// The system has too little memory.
  public static let outOfMemory = Self(rawValue: "out_of_memory")
  /// The caller ended a long computation.
  public static let cancelled = Self(rawValue: "cancelled")
}

extension ModelError {
  /// The same fault of a file.
  package init(_ error: FileError) { self.init(error, as: Code(rawValue: error.code.name)) }

  /// The error for a computed number that is NaN or infinite.
  ///
  /// - Parameter subject: what was computed.
  static func nonFinite(_ subject: String) -> ModelError {
    ModelError(
      .nonFinite, subject,
      "holds NaN or an infinity, so nothing that follows from it means anything; the weights are unsound")
  }
}
