/// Why a policy bundle could not be used.
public struct PolicyError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What went wrong; new codes may be added, so match with `==` and keep a default.
  public struct Code: RawRepresentable, Sendable, Hashable {
    /// The code as it is printed.
    public let rawValue: String
    /// A code by its printed name.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The text is not JSON.
    public static let invalidSyntax = Code(rawValue: "invalid_syntax")
    /// A key that must be there is not.
    public static let missingKey = Code(rawValue: "missing_key")
    /// A key that means nothing, probably a spelling mistake.
    public static let unknownKey = Code(rawValue: "unknown_key")
    /// A value of the wrong type, outside its range or at odds with another one.
    public static let invalidValue = Code(rawValue: "invalid_value")
    /// A file that the bundle names or needs is not there.
    public static let missingFile = Code(rawValue: "missing_file")
    /// A file that is there cannot be read.
    public static let unreadableFile = Code(rawValue: "unreadable_file")
    /// A file cannot be written.
    public static let unwritableFile = Code(rawValue: "unwritable_file")
    /// A path leads out of the bundle.
    public static let unsafePath = Code(rawValue: "unsafe_path")
    /// The policy wants something that its model or its tokenizer cannot do.
    public static let incompatibleModel = Code(rawValue: "incompatible_model")
  }

  /// What went wrong.
  public var code: Code
  /// The key path with its line, e.g. `control.rate_hz (line 27)`, or the file at fault.
  public var subject: String
  /// What was expected, what was found, what to do.
  public var message: String

  /// An error about `subject`.
  public init(_ code: Code, _ subject: String, _ message: String) {
    self.code = code
    self.subject = subject
    self.message = message
  }

  /// Code, subject and message in one line.
  public var description: String { "\(code.rawValue): \(subject): \(message)" }
}
