/// Why an MCAP file cannot be read or written.
public struct MCAPError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What went wrong; new codes may be added, so match with `==` and keep a default.
  public struct Code: RawRepresentable, Sendable, Hashable {
    /// The stable name of the code.
    public let rawValue: String

    /// Wraps a name that this version may not know.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The file does not exist, or the system does not give its bytes.
    public static let unreadable = Code(rawValue: "unreadable_file")
    /// The file cannot be made or written.
    public static let unwritable = Code(rawValue: "unwritable_file")
    /// The bytes are not MCAP, or not what was written.
    public static let malformed = Code(rawValue: "malformed_file")
    /// A size in the file is beyond what is read.
    public static let tooLarge = Code(rawValue: "too_large")
    /// A compression that this program does not read.
    public static let unsupported = Code(rawValue: "unsupported_compression")
  }

  /// What kind of failure it is.
  public var code: Code
  /// The file, or the byte of it, at fault.
  public var subject: String
  /// What was found and what to do.
  public var message: String

  /// Collects the parts.
  public init(_ code: Code, _ subject: String, _ message: String) {
    self.code = code
    self.subject = subject
    self.message = message
  }

  /// The error on one line.
  public var description: String { "\(code.rawValue): \(subject): \(message)" }
}
