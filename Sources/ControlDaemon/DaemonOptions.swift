import RobotLink

/// What can be chosen about a daemon; the policy brings everything else.
public struct DaemonOptions: Sendable {
  /// Sessions whose episodes are remembered at once, at least 1. A further one is refused with `overloaded` unless an idle one can give
  /// its place away.
  public var maximumSessions = 64
  /// How long a session must have been silent, with nothing under way, before another may take its place. Its episode's memory is then
  /// forgotten; its owner, its stop and its last sequence number are not.
  public var sessionIdleTime: Duration = .seconds(1)
  /// Sessions whose owner, stop and last sequence number are remembered, more than ``maximumSessions``; about 500 bytes each. The oldest
  /// idle one is forgotten first, then the oldest stopped one; from then on every session that is not known begins stopped.
  public var maximumKnownSessions = 65_536
  /// Whoever sends this token may reset and resume any session; `nil`: only its owner may.
  public var operatorToken: SessionToken?
  /// Observations of different sessions that the policy answers together, at least 1, when so many wait: the work is shared, but the
  /// first waits for the last. Nobody is waited for.
  public var maximumBatch = 8
  /// The socket's limits; a policy's `maximumMessageBytes` goes before the one in here.
  public var socket = RouterSocket.Options()

  /// The defaults of each property.
  public init() {}
}
