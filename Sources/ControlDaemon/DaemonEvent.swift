import RobotInterface

/// Something that happened in the daemon, for whoever records, displays or tests it.
public struct DaemonEvent: Sendable, Hashable {
  /// What happened.
  public enum Kind: Sendable, Hashable {
    /// The policy is warm: observations are served from now on.
    case ready
    /// A robot got these commands for this observation.
    case acted(Observation, ActionChunk)
    /// A request was answered with this error; with the observation that it was, if it was one that could be read.
    case refused(RobotError, Observation?)
    /// Somebody asked for what the key does not permit, or nobody's key did; beside ``refused(_:_:)``. The name is empty where there is no key.
    case denied(key: String, RobotError)
    /// The session's stop latched.
    case stopLatched(reason: String)
    /// The session's stop was cleared.
    case stopCleared
    /// The session began a new episode.
    case episodeBegan
    /// A session took a place: the daemon remembers its episode from now on.
    case sessionOpened
    /// An idle session gave its place to another: its episode's memory is forgotten, its owner and its stop are not.
    case sessionYielded
    /// The session was given up: nobody owns it.
    case sessionReleased
    /// A stop had to be forgotten for want of memory: every session that is not known begins stopped from now on.
    case stopForgotten
    /// The operator has ended that.
    case unknownSessionsResumed
    /// A reply could not be delivered: its client has gone or does not read.
    case replyLost
    /// Whoever gets this has lost so many events that came before the next one, because it listens slowly.
    case eventsLost(UInt64)
    /// The daemon serves no longer; the last event.
    case stopped
  }

  /// Nanoseconds on ``MonotonicClock``.
  public var time: UInt64
  /// The session concerned; empty when none is.
  public var session: String
  /// What happened.
  public var kind: Kind

  /// Collects the parts.
  public init(time: UInt64, session: String = "", kind: Kind) {
    self.time = time
    self.session = session
    self.kind = kind
  }
}
