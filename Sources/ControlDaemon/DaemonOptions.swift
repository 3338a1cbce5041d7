import RobotLink

/// What can be chosen about a daemon; the policy brings everything else.
public struct DaemonOptions: Sendable, Hashable {
  /// Sessions remembered at once, at least 1. A further one is refused with `overloaded` unless an idle one can be forgotten.
  public var maximumSessions = 64
  /// How long a session must have been silent before another may take its place.
  public var sessionIdleExpiry: Duration = .seconds(120)
  /// Observations of different sessions that the policy answers together, at least 1, when so many wait: the work is shared, but the
  /// first waits for the last. Nobody is waited for.
  public var maximumBatch = 8
  /// The socket's limits; a policy's `maximumMessageBytes` goes before the one in here.
  public var socket = RouterSocket.Options()

  /// The defaults of each property.
  public init() {}
}
