@_exported import Faults
import Files
import Tensors
import UnifiedIO

/// Why weights could not be imported or made.
public typealias ImportError = Fault<ImportErrorCode>

/// What went wrong; new codes may be added, so match with `==` and keep a default.
public struct ImportErrorCode: RawRepresentable, FaultCode {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }

  /// The file is missing or may not be read.
  public static let unreadableFile = Self(rawValue: "unreadable_file")
  /// Neither a file of torch.save nor safetensors.
  public static let unknownFormat = Self(rawValue: "unknown_format")
  /// The zip archive breaks its format, or is not as torch.save writes it.
  public static let malformedArchive = Self(rawValue: "malformed_archive")
  /// The pickle breaks its format, or is larger than any state dictionary.
  public static let malformedPickle = Self(rawValue: "malformed_pickle")
  /// The pickle asks for something that is not on the list of what state dictionaries need; the subject is its name.
  public static let refused = Self(rawValue: "refused")
  /// The file ends before its tables say.
  public static let truncatedFile = Self(rawValue: "truncated_file")
  /// A weight that is NaN or infinite, or would be in the element type that is wanted.
  public static let nonFinite = Self(rawValue: "non_finite")
  /// Numbers that are not f32, bf16 or f16.
  public static let unsupportedType = Self(rawValue: "unsupported_type")
  public static let invalidConfiguration = Self(rawValue: "invalid_configuration")
  public static let missingTensor = Self(rawValue: "missing_tensor")
  public static let surplusTensor = Self(rawValue: "surplus_tensor")
  public static let shapeMismatch = Self(rawValue: "shape_mismatch")
  /// The destination cannot be written, or holds weights already.
  public static let unwritableFile = Self(rawValue: "unwritable_file")
  /// The disk has too little room.
  public static let noSpace = Self(rawValue: "no_space")
  /// The caller's progress function asked to stop.
  public static let interrupted = Self(rawValue: "interrupted")
}

extension ImportError {
  /// The same fault of a weights file.
  init(_ error: TensorError) { self.init(error, as: Code(rawValue: error.code.name)) }

  /// The same fault of a file.
  init(_ error: FileError) { self.init(error, as: Code(rawValue: error.code.name)) }

  /// The same fault of a configuration.
  init(_ error: ModelError) { self.init(error, as: Code(rawValue: error.code.name)) }
}

extension String {
  /// A name from outside as it may stand in an error message: printable, and not longer than a line.
  var asQuoted: String {
    let safe = String(unicodeScalars.prefix(80).map { $0.value < 32 || $0.value == 127 ? "?" : Character($0) })
    return unicodeScalars.count > 80 ? safe + "…" : safe
  }
}
