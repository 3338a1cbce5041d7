public import RobotInterface
package import UnifiedIO

/// What a session remembers between the control steps of one episode; a new episode begins with a new one.
public struct EpisodeContext: Sendable {
  /// How often the episode's commands had to be changed.
  public private(set) var counters = EpisodeCounters()

  /// The actions of the last chunk as they were sent; empty before the first.
  public var lastActions: [Action] { chunks.lastActions }

  private var chunks = SentChunks()

  /// Whether any chunk that the robot may still execute makes it move; `false` before the first. A refusal changes nothing about that:
  /// the robot may go on with its last chunk.
  public var lastCommandMoves: Bool { chunks.movesUntil != nil }

  /// Nanoseconds on the robot's clock until which commands may move it; `nil`: none does.
  ///
  /// As long as each observation is answered with commands, it is open when they end.
  package var movesUntil: UInt64? { chunks.movesUntil.map { wasRefused ? $0 : .max } }

  /// Whether anything was refused since the last chunk.
  private var wasRefused = false

  /// Which cameras have been repeating the same picture, and since when.
  package var frozenCameras = FrozenCameraWatch()

  /// Earlier frames of the `image` camera as the model takes them, oldest first; empty for policies that want none.
  package private(set) var earlierFrames: [PatchInput] = []

  /// The beginning of an episode: nothing seen, nothing commanded.
  public init() {}

  /// The beginning of the next episode of the same robot. Its cameras are the same, and still watched: who begins an episode with every
  /// observation shall not fly blind.
  public init(after earlier: EpisodeContext) {
    frozenCameras = earlier.frozenCameras
    frozenCameras.beginEpisode(movesUntil: earlier.chunks.movesUntil)
  }

  /// Remembers a chunk that is about to be sent.
  ///
  /// - Parameters:
  ///   - actions: the commands after the safety envelope.
  ///   - moving: whether they make the robot move, so that its cameras must see something change.
  ///   - validUntil: nanoseconds on the robot's clock, after which no action begins.
  public mutating func record(_ actions: [Action], moving: Bool, validUntil: UInt64 = .max) {
    chunks.append(actions, validUntil: validUntil, moves: moving)
    wasRefused = false
    counters.add(actions)
  }

  /// Remembers that the robot has sent an observation before it had the answer to its last one.
  ///
  /// From then on in the episode nobody knows of which of the last two chunks it reports what it has executed.
  public mutating func noteObservationAhead() { chunks.observesAhead = true }

  /// The number of the last chunk, from 1; 0 before the first.
  package var lastChunkNumber: Int { chunks.lastNumber }

  /// Remembers which chunk the robot is known to have. Without a word, it has the last one.
  ///
  /// - Parameters:
  ///   - number: of the newest chunk that it certainly has, so that those before it are replaced; 0: of none.
  ///   - time: when it observed, nanoseconds on its clock: chunks that are valid no longer are forgotten.
  package mutating func noteReceipt(upTo number: Int, at time: UInt64) { chunks.noteReceipt(upTo: number, at: time) }

  /// The commands of earlier chunks that a robot may still execute between an observation and the chunk that answers it; see
  /// ``SentChunks/pendingActions(after:)``.
  ///
  /// - Throws: ``RobotError`` `.invalidAction` when these are too many to be reckoned with.
  package func pendingActions(after observation: Observation) throws(RobotError) -> [[Action]] {
    try chunks.pendingActions(after: observation)
  }

  /// Remembers that the robot got an error instead of a chunk. It may go on with its last one, but not for longer than that is valid.
  public mutating func recordRefusal() {
    wasRefused = true
  }

  /// Remembers what a later step of the episode saw whose chunk was not sent, but neither its commands nor its counts.
  ///
  /// - Parameter later: the context that the step has left behind.
  public mutating func rememberSight(of later: EpisodeContext) {
    frozenCameras = later.frozenCameras
    earlierFrames = later.earlierFrames
    chunks.observesAhead = chunks.observesAhead || later.chunks.observesAhead
    recordRefusal()
  }

  /// Remembers a frame for the image history of later steps.
  ///
  /// - Parameters:
  ///   - frame: the newest frame as the model takes it.
  ///   - capacity: how many frames the policy wants to look back, 0 or more; the oldest beyond it are forgotten.
  package mutating func remember(_ frame: PatchInput, capacity: Int) {
    earlierFrames.append(frame)
    earlierFrames.removeFirst(max(0, earlierFrames.count - max(0, capacity)))
  }
}

/// Totals over the chunks of an episode.
public struct EpisodeCounters: Sendable, Hashable {
  /// Chunks sent.
  public private(set) var chunks = 0
  /// Actions in these chunks.
  public private(set) var actions = 0
  /// Actions that the safety envelope changed.
  public private(set) var limitedActions = 0
  private var limited: [UInt32: Int] = [:]

  /// Nothing counted.
  public init() {}

  /// How many actions were changed for a reason.
  ///
  /// - Parameter flag: a single flag; a set of several counts as the sum of its flags would only by accident, so ask one by one.
  public func limitedActions(by flag: LimitFlags) -> Int { limited[flag.rawValue] ?? 0 }

  mutating func add(_ chunk: [Action]) {
    chunks += 1
    actions += chunk.count
    for action in chunk where !action.limited.isEmpty {
      limitedActions += 1
      for flag in LimitFlags.single where action.limited.contains(flag) {
        limited[flag.rawValue, default: 0] += 1
      }
    }
  }
}
