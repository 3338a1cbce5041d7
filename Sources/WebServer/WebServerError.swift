@_exported import Faults

/// Why a server cannot listen.
public typealias WebServerError = Fault<WebServerErrorCode>

/// A closed list that grows without breaking anybody.
public struct WebServerErrorCode: RawRepresentable, FaultCode {
  /// A name in snake case.
  public let rawValue: String

  /// Wraps a name.
  public init(rawValue: String) { self.rawValue = rawValue }

  /// Not `HOST:PORT` with an address of this machine.
  public static let invalidAddress = Self(rawValue: "invalid_address")
  /// Somebody listens there already.
  public static let addressInUse = Self(rawValue: "address_in_use")
  /// The system says no for another reason.
  public static let cannotListen = Self(rawValue: "cannot_listen")
}
