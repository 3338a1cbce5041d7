/// Why a run database cannot be used.
public struct RunDatabaseError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of fault it is.
  public enum Code: String, Sendable, Hashable, CaseIterable {
    /// There is no database at the path.
    case notFound
    /// There is a database already, and a new one was asked for.
    case exists
    /// The file is no run database, or one of another version.
    case notARun
    /// The run was made with another configuration.
    case mismatch
    /// A worker simulates with other versions than the run's.
    case otherSimulator
    /// SQLite failed; the message says how.
    case storage
  }

  /// What kind of fault it is.
  public let code: Code
  /// The file, or the part of the configuration, at fault.
  public let subject: String
  /// A sentence a person can act on.
  public let message: String

  /// Collects the parts.
  public init(_ code: Code, _ subject: String, _ message: String) {
    self.code = code
    self.subject = subject
    self.message = message
  }

  /// One line for a person.
  public var description: String { "\(subject): \(message)" }
}
