/// Why a server cannot listen.
public struct WebServerError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A closed list that grows without breaking anybody.
  public struct Code: RawRepresentable, Sendable, Hashable {
    /// A name in snake case.
    public let rawValue: String

    /// Wraps a name.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Not `HOST:PORT` with an address of this machine.
    public static let invalidAddress = Code(rawValue: "invalid_address")
    /// Somebody listens there already.
    public static let addressInUse = Code(rawValue: "address_in_use")
    /// The system says no for another reason.
    public static let cannotListen = Code(rawValue: "cannot_listen")
  }

  /// One of the list.
  public var code: Code
  /// The address.
  public var subject: String
  /// What was expected and found.
  public var message: String

  /// All of it in one line.
  public var description: String { "\(code.rawValue): \(subject): \(message)" }

  init(_ code: Code, _ subject: String, _ message: String) {
    self.code = code
    self.subject = subject
    self.message = message
  }
}
