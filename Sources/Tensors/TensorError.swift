import Files

/// Why a tensor or a weights file could not be used.
public struct TensorError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What went wrong; new codes may be added, so match with `==` and keep a default.
  public struct Code: RawRepresentable, Sendable, Hashable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The file is missing or may not be read.
    public static let unreadableFile = Code(rawValue: "unreadable_file")
    /// A file cannot be made or written: no space, no permission, something is there already.
    public static let unwritableFile = Code(rawValue: "unwritable_file")
    /// The header of a weights file breaks the format.
    public static let malformedHeader = Code(rawValue: "malformed_header")
    /// The file ends before its header says.
    public static let truncatedFile = Code(rawValue: "truncated_file")
    /// A tensor's bytes lie outside the file or on another tensor's, or do not fill its shape.
    public static let invalidOffsets = Code(rawValue: "invalid_offsets")
    /// An element type that cannot be read as floating-point numbers.
    public static let unsupportedType = Code(rawValue: "unsupported_type")
    /// The system does not let the process do it.
    public static let notPermitted = Code(rawValue: "not_permitted")
    public static let missingTensor = Code(rawValue: "missing_tensor")
    public static let surplusTensor = Code(rawValue: "surplus_tensor")
    public static let shapeMismatch = Code(rawValue: "shape_mismatch")
  }

  public var code: Code
  /// The tensor or file at fault.
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
  init(_ error: FileError) { self.init(Code(rawValue: error.code.rawValue), error.path, error.message) }

  /// Runs `body`, with its errors as tensor errors.
  static func ofFile<Result>(_ body: () throws(FileError) -> Result) throws(TensorError) -> Result {
    do throws(FileError) { return try body() } catch { throw TensorError(error) }
  }
}
