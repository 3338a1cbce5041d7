@_exported import Faults

/// Why a connection has to end: what came is not what ZMTP 3.1 (ZeroMQ RFC 37) and CURVE (RFC 26) allow, or is more than is taken.
public typealias ZMTPError = Fault<ZMTPErrorCode>

/// A closed list.
public enum ZMTPErrorCode: String, CaseIterable, FaultCode {
  /// The first bytes are no greeting.
  case notZMTP = "not_zmtp"
  /// A version before 3.0.
  case unsupportedVersion = "unsupported_version"
  /// Another security mechanism than the one that is asked for.
  case otherMechanism = "other_mechanism"
  /// A frame, a command or a property that breaks a rule.
  case malformed
  /// More bytes than are taken.
  case tooLarge = "too_large"
  /// A message of more frames than a request has.
  case tooManyFrames = "too_many_frames"
  /// A box that does not open, or a nonce that was used before.
  case notAuthentic = "not_authentic"
  /// A key that nobody holds who is let in.
  case unknownKey = "unknown_key"
  /// A socket of a type that asks for nothing.
  case wrongSocketType = "wrong_socket_type"
  /// The peer has said that it ends.
  case endedByPeer = "ended_by_peer"
}
