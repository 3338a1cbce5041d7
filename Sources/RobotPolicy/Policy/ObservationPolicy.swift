public import RobotInterface

/// Turns what a robot saw into what it shall do; the daemon knows policies by this alone, so that it can be tested
/// without weights.
///
/// A policy may be handed from thread to thread but serves one observation at a time: whoever owns it calls ``act(on:context:)``
/// from one thread at a time.
public protocol ObservationPolicy: Sendable {
  /// What the policy drives and expects; constant over the policy's life.
  var capabilities: Capabilities { get }

  /// Turns an observation into commands that are already inside the safety envelope.
  ///
  /// The age and the order of observations are the caller's to check; everything inside the observation is checked here.
  ///
  /// - Parameters:
  ///   - observation: one moment of the robot that `context` belongs to.
  ///   - context: the session's own memory of the episode; updated. After an error it still remembers the frames that were
  ///     seen, but neither a command nor a count.
  /// - Returns: at least one action, at most ``Capabilities/chunkLength``, each in the units and inside the ranges of
  ///   ``Capabilities/actions``; `queue` is the one stage that is not timed.
  /// - Throws: ``RobotError`` naming the field at fault: `.unknownCamera`, `.missingCamera`, `.invalidImage`,
  ///   `.invalidProprioception`, `.invalidInstruction`, `.unsupported` for a bad observation, `.frozenCamera` when a camera
  ///   repeats itself while the robot moves, `.invalidAction` when the model's answer is not a safe action, `.internal` when
  ///   the model fails.
  func act(on observation: Observation, context: inout EpisodeContext) throws(RobotError) -> ActionChunk

  /// Does once what the first observation would otherwise wait for; runs before the daemon says that it is ready.
  ///
  /// - Throws: ``RobotError`` when the policy could not serve an observation.
  func warmUp() throws(RobotError)
}
