import RobotInterface

/// What a session remembers between control steps.
public struct EpisodeContext: Sendable {
  public init() {}
}

/// Runs the model for one observation; used from one thread at a time.
public protocol ObservationPolicy: Sendable {
  var capabilities: Capabilities { get }
  /// Turns an observation into commands already inside the safety envelope. `context` is the session's own memory of the episode.
  func act(on observation: Observation, context: inout EpisodeContext) throws(RobotError) -> ActionChunk
  /// Runs once before the daemon says it is ready.
  func warmUp() throws(RobotError)
}
