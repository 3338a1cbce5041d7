@_exported import Faults

/// Why a policy bundle could not be used.
public typealias PolicyError = Fault<PolicyErrorCode>

/// What went wrong; new codes may be added, so match with `==` and keep a default.
public struct PolicyErrorCode: RawRepresentable, FaultCode {
  /// The code as it is printed.
  public let rawValue: String
  /// A code by its printed name.
  public init(rawValue: String) { self.rawValue = rawValue }

  /// The text is not JSON.
  public static let invalidSyntax = Self(rawValue: "invalid_syntax")
  /// A key that must be there is not.
  public static let missingKey = Self(rawValue: "missing_key")
  /// A key that means nothing, probably a spelling mistake.
  public static let unknownKey = Self(rawValue: "unknown_key")
  /// A value of the wrong type, outside its range or at odds with another one.
  public static let invalidValue = Self(rawValue: "invalid_value")
  /// A file that the bundle names or needs is not there.
  public static let missingFile = Self(rawValue: "missing_file")
  /// A file that is there cannot be read.
  public static let unreadableFile = Self(rawValue: "unreadable_file")
  /// A file cannot be written.
  public static let unwritableFile = Self(rawValue: "unwritable_file")
  /// A path leads out of the bundle.
  public static let unsafePath = Self(rawValue: "unsafe_path")
  /// The policy wants something that its model or its tokenizer cannot do.
  public static let incompatibleModel = Self(rawValue: "incompatible_model")
}
