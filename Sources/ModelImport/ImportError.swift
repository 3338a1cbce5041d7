import Files
import Tensors
import UnifiedIO

/// Why weights could not be imported or made.
public struct ImportError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What went wrong; new codes may be added, so match with `==` and keep a default.
  public struct Code: RawRepresentable, Sendable, Hashable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The file is missing or may not be read.
    public static let unreadableFile = Code(rawValue: "unreadable_file")
    /// Neither a file of torch.save nor safetensors.
    public static let unknownFormat = Code(rawValue: "unknown_format")
    /// The zip archive breaks its format, or is not as torch.save writes it.
    public static let malformedArchive = Code(rawValue: "malformed_archive")
    /// The pickle breaks its format, or is larger than any state dictionary.
    public static let malformedPickle = Code(rawValue: "malformed_pickle")
    /// The pickle asks for something that is not on the list of what state dictionaries need; the subject is its name.
    public static let refused = Code(rawValue: "refused")
    /// The file ends before its tables say.
    public static let truncatedFile = Code(rawValue: "truncated_file")
    /// Numbers that are not f32, bf16 or f16.
    public static let unsupportedType = Code(rawValue: "unsupported_type")
    public static let invalidConfiguration = Code(rawValue: "invalid_configuration")
    public static let missingTensor = Code(rawValue: "missing_tensor")
    public static let surplusTensor = Code(rawValue: "surplus_tensor")
    public static let shapeMismatch = Code(rawValue: "shape_mismatch")
    /// The destination cannot be written, or holds weights already.
    public static let unwritableFile = Code(rawValue: "unwritable_file")
    /// The disk has too little room.
    public static let noSpace = Code(rawValue: "no_space")
    /// The caller's progress function asked to stop.
    public static let interrupted = Code(rawValue: "interrupted")
  }

  public var code: Code
  /// The tensor, file, entry or name at fault.
  public var subject: String
  /// What was expected, what was found, what to do.
  public var message: String

  public init(_ code: Code, _ subject: String, _ message: String) {
    self.code = code
    self.subject = subject
    self.message = message
  }

  /// The same fault of a weights file.
  init(_ error: TensorError) {
    self.init(Code(rawValue: error.code.rawValue), error.subject, error.message)
  }

  /// The same fault of a file.
  init(_ error: FileError) { self.init(Code(rawValue: error.code.rawValue), error.path, error.message) }

  /// The same fault of a configuration.
  init(_ error: ModelError) {
    self.init(Code(rawValue: error.code.rawValue), error.subject, error.message)
  }

  public var description: String { "\(code.rawValue): \(subject): \(message)" }
}

extension String {
  /// A name from outside as it may stand in an error message: printable, and not longer than a line.
  var asQuoted: String {
    let safe = String(unicodeScalars.prefix(80).map { $0.value < 32 || $0.value == 127 ? "?" : Character($0) })
    return unicodeScalars.count > 80 ? safe + "…" : safe
  }
}
