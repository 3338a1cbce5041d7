import RobotInterface

/// What the daemon has done since it began; a snapshot.
public struct DaemonMetrics: Sendable, Hashable {
  /// Whether the policy is warm and observations are served.
  public var isReady = false
  /// Messages received, broken ones included.
  public var requests: UInt64 = 0
  /// Observations answered with commands.
  public var chunks: UInt64 = 0
  /// Generate requests answered with what the model said, cancelled ones included.
  public var generations: UInt64 = 0
  /// Requests answered with an error, by its code.
  public var errors: [RobotError.Code: UInt64] = [:]
  /// Actions that the safety envelope changed.
  public var limitedActions: UInt64 = 0
  /// Replies whose client had gone or did not read them.
  public var lostReplies: UInt64 = 0
  /// Sessions whose episode is remembered now.
  public var sessions: Int = 0
  /// Sessions whose owner and stop are remembered now, those above included.
  public var knownSessions: Int = 0
  /// Observations that wait now, for their decoding, in it, or for the policy.
  public var waitingObservations = 0
  /// Questions that wait likewise.
  public var waitingQuestions = 0
  /// How long each stage of the answered observations took.
  public var stages: [Stage: LatencyHistogram] = [:]
  /// From an observation's arrival to its commands' departure.
  public var answerTime = LatencyHistogram()

  /// Nothing done yet.
  public init() {}

  /// Observations that a newer one displaced.
  public var superseded: UInt64 { errors[.superseded] ?? 0 }
}
