@_exported import Faults

/// Why an MCAP file cannot be read or written.
public typealias MCAPError = Fault<MCAPErrorCode>

/// What went wrong; new codes may be added, so match with `==` and keep a default.
public struct MCAPErrorCode: RawRepresentable, FaultCode {
  /// The stable name of the code.
  public let rawValue: String

  /// Wraps a name that this version may not know.
  public init(rawValue: String) { self.rawValue = rawValue }

  /// The file does not exist, or the system does not give its bytes.
  public static let unreadable = Self(rawValue: "unreadable_file")
  /// The file cannot be made or written.
  public static let unwritable = Self(rawValue: "unwritable_file")
  /// The bytes are not MCAP, or not what was written.
  public static let malformed = Self(rawValue: "malformed_file")
  /// A size in the file is beyond what is read.
  public static let tooLarge = Self(rawValue: "too_large")
  /// A compression that this program does not read.
  public static let unsupported = Self(rawValue: "unsupported_compression")
}
