@_exported import Faults
import Files

/// Why a tensor or a weights file could not be used.
public typealias TensorError = Fault<TensorErrorCode>

/// What went wrong; new codes may be added, so match with `==` and keep a default.
public struct TensorErrorCode: RawRepresentable, FaultCode {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }

  /// The file is missing or may not be read.
  public static let unreadableFile = Self(rawValue: "unreadable_file")
  /// A file cannot be made or written: no space, no permission, something is there already.
  public static let unwritableFile = Self(rawValue: "unwritable_file")
  /// The header of a weights file breaks the format.
  public static let malformedHeader = Self(rawValue: "malformed_header")
  /// The file ends before its header says.
  public static let truncatedFile = Self(rawValue: "truncated_file")
  /// A tensor's bytes lie outside the file or on another tensor's, or do not fill its shape.
  public static let invalidOffsets = Self(rawValue: "invalid_offsets")
  /// An element type that cannot be read as floating-point numbers.
  public static let unsupportedType = Self(rawValue: "unsupported_type")
  /// A weight is NaN or infinite.
  public static let nonFinite = Self(rawValue: "non_finite")
  /// The file was written to while it was being read.
  public static let changedFile = Self(rawValue: "changed_file")
  /// The system has too little memory.
  public static let outOfMemory = Self(rawValue: "out_of_memory")
  /// The system does not let the process do it.
  public static let notPermitted = Self(rawValue: "not_permitted")
  public static let missingTensor = Self(rawValue: "missing_tensor")
  public static let surplusTensor = Self(rawValue: "surplus_tensor")
  public static let shapeMismatch = Self(rawValue: "shape_mismatch")
}

extension TensorError {
  /// The same fault of a file.
  init(_ error: FileError) { self.init(error, as: Code(rawValue: error.code.name)) }

  /// Runs `body`, with its errors as tensor errors.
  static func ofFile<Result>(_ body: () throws(FileError) -> Result) throws(TensorError) -> Result {
    do throws(FileError) { return try body() } catch { throw TensorError(error) }
  }
}
