public import RobotInterface

/// Turns what a robot saw into what it should do; the daemon knows policies by this alone, so that it can be tested
/// without weights.
///
/// A policy may be handed from thread to thread, and whoever owns it calls it from one thread at a time.
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
  ///   `.invalidProprioception`, `.invalidInstruction`, `.unknownInstruction` for a bad observation, `.frozenCamera`
  ///   when a camera repeats itself while the robot moves, `.invalidAction` when the model's answer is not a safe
  ///   action, or a number on the way to it is NaN or infinite, `.internal` when the model fails.
  func act(on observation: Observation, context: inout EpisodeContext) throws(RobotError) -> ActionChunk

  /// Turns what several robots saw into commands for each; every answer is the one that ``act(on:context:)`` gives alone.
  ///
  /// Unless a policy can do better, one after the other.
  ///
  /// - Parameter steps: of different sessions; each context is updated as if its step were the only one.
  /// - Returns: for each step its commands or its own error, in the order of `steps`. The stages of a chunk are those that its robot
  ///   waited for, which are those of all steps where they were computed together.
  func act(on steps: inout [PolicyStep]) -> [Result<ActionChunk, RobotError>]

  /// Bytes that the policy takes at most while it warms up and works, beside what it holds already. A daemon ends when its process takes
  /// far more.
  ///
  /// Unless a policy says so, 512 MiB.
  var workingMemory: Int { get }

  /// Does once what the first observation would otherwise wait for; runs before the daemon says that it is ready.
  ///
  /// - Throws: ``RobotError`` when the policy could not serve an observation.
  func warmUp() throws(RobotError)
}

/// One session's turn: what its robot saw, and what it remembers of the episode.
public struct PolicyStep: Sendable {
  /// One moment of the robot that ``context`` belongs to.
  public var observation: Observation
  /// The session's own memory.
  public var context: EpisodeContext
  /// What ``PreparingPolicy/prepare(_:cancellation:)`` made of the observation; `nil`: the policy decodes for itself.
  public var prepared: PreparedInput?

  /// Collects the parts.
  public init(observation: Observation, context: EpisodeContext, prepared: PreparedInput? = nil) {
    self.observation = observation
    self.context = context
    self.prepared = prepared
  }
}

extension ObservationPolicy {
  /// 512 MiB.
  public var workingMemory: Int { 512 << 20 }

  /// One after the other.
  public func act(on steps: inout [PolicyStep]) -> [Result<ActionChunk, RobotError>] {
    steps.indices.map { index in
      Result { () throws(RobotError) in
        try act(on: steps[index].observation, context: &steps[index].context)
      }
    }
  }
}
