@_exported import Faults

/// Why a run database cannot be used.
public typealias RunDatabaseError = Fault<RunDatabaseErrorCode>

/// What kind of fault it is.
public enum RunDatabaseErrorCode: String, CaseIterable, FaultCode {
  /// There is no database at the path.
  case notFound = "not_found"
  /// There is a database already, and a new one was asked for.
  case exists
  /// The file is no run database, or one of another version.
  case notARun = "not_a_run"
  /// The run was made with another configuration.
  case mismatch
  /// A worker simulates with other versions than the run's.
  case otherSimulator = "other_simulator"
  /// SQLite failed; the message says how.
  case storage

  /// The sentence says it.
  public static var isShown: Bool { false }
}
