import RobotInterface
import RobotPolicy

/// One robot's state; nothing in it is shared with another session.
struct Session: Sendable {
  /// What the policy remembers of the episode.
  var context = EpisodeContext()
  /// Latched until the robot resumes, whatever else happens.
  var isStopped = false
  /// Nanoseconds on the daemon's clock of the last request.
  var lastActive: UInt64

  /// Nanoseconds on the daemon's clock: when the last chunk of the episode was answered.
  var lastChunkAt: UInt64?

  private var lastSequence: UInt64?
  private var lastCapturedAt: UInt64 = 0

  init(at now: UInt64) { lastActive = now }

  /// Forgets the episode, but not the stop: a new episode is no permission to move.
  mutating func beginEpisode() {
    context = EpisodeContext()
    lastChunkAt = nil
    lastSequence = nil
    lastCapturedAt = 0
  }

  /// Takes note of an observation that left its robot before the robot had the last chunk: what it reports as executed may then be of
  /// the chunk before.
  mutating func compare(_ observation: Observation, receivedAt: UInt64) {
    guard let lastChunkAt else { return }
    // A robot that echoes no reply, or one without a time, is known by when its observation came.
    let lastReplyAt = observation.echo?.replySentAt ?? 0
    if receivedAt < lastChunkAt || (lastReplyAt > 0 && lastReplyAt < lastChunkAt) { context.noteObservationAhead() }
  }

  /// Makes sure that observations come in the order in which they were made.
  ///
  /// - Throws: `.outOfOrder` when `observation` is not newer than the last one of the episode.
  mutating func advance(to observation: Observation) throws(RobotError) {
    if let lastSequence, observation.sequence <= lastSequence {
      throw RobotError(
        .outOfOrder, "observation.sequence",
        "\(observation.sequence) does not come after \(lastSequence); count up, and reset to begin a new episode")
    }
    guard observation.capturedAt >= lastCapturedAt else {
      throw RobotError(
        .outOfOrder, "observation.captured_at",
        "\(observation.capturedAt) lies before \(lastCapturedAt); use a monotonic clock, and reset after a restart")
    }
    lastSequence = observation.sequence
    lastCapturedAt = observation.capturedAt
  }
}
