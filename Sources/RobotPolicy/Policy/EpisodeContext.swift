public import RobotInterface
package import UnifiedIO

/// What a session remembers between the control steps of one episode; a new episode begins with a new one.
public struct EpisodeContext: Sendable {
  /// How often the episode's commands had to be changed.
  public private(set) var counters = EpisodeCounters()

  /// The actions of the last chunk as they were sent; empty before the first.
  public var lastActions: [Action] { lastChunk.actions }

  /// A chunk that was sent.
  private struct SentChunk: Sendable {
    var actions: [Action] = []
    /// Robot clock, nanoseconds: no action begins after it.
    var validUntil: UInt64 = 0
  }

  private var lastChunk = SentChunk()
  /// The one before ``lastChunk``.
  private var earlierChunk = SentChunk()
  /// Whether the robot has been seen to observe again before it had the answer to its last observation.
  private var observesAhead = false

  /// Whether ``lastActions`` make the robot move; `false` before the first chunk and after an error.
  public private(set) var lastCommandMoves = false

  /// Which cameras have been repeating the same picture, and since when.
  package var frozenCameras = FrozenCameraWatch()

  /// Earlier frames of the `image` camera as the model takes them, oldest first; empty for policies that want none.
  package private(set) var earlierFrames: [PatchInput] = []

  /// The beginning of an episode: nothing seen, nothing commanded.
  public init() {}

  /// Remembers a chunk that is about to be sent.
  ///
  /// - Parameters:
  ///   - actions: the commands after the safety envelope.
  ///   - moving: whether they make the robot move, so that its cameras must see something change.
  ///   - validUntil: nanoseconds on the robot's clock, after which no action begins.
  public mutating func record(_ actions: [Action], moving: Bool, validUntil: UInt64 = .max) {
    earlierChunk = lastChunk
    lastChunk = SentChunk(actions: actions, validUntil: validUntil)
    lastCommandMoves = moving
    counters.add(actions)
  }

  /// Remembers that the robot has sent an observation before it had the answer to its last one.
  ///
  /// From then on in the episode nobody knows of which of the last two chunks it reports what it has executed.
  public mutating func noteObservationAhead() { observesAhead = true }

  /// The commands of earlier chunks that a robot may still execute between an observation and the chunk that answers
  /// it, as sequences of which it may execute any one, or the beginning of any one.
  ///
  /// A robot executes a chunk in order until it has the next one. When it observes, it has come to the place
  /// ``Observation/actionsConsumed`` of the last chunk that it has, so that the rest of this chunk may follow, unless the
  /// observation is later than the chunk is valid. For a robot that waits for each answer before it observes again, this
  /// chunk is the last one that was sent. For one that does not it may also be the chunk before, of which it then
  /// executes any part before it goes on with the last one: from its start, or from any place of it when the robot
  /// leaves out what it has executed meanwhile (``Observation/skipsExecuted``).
  package func pendingActions(after observation: Observation) -> [[Action]] {
    let consumed = max(0, observation.actionsConsumed)
    func valid(_ chunk: SentChunk) -> [Action] { observation.capturedAt <= chunk.validUntil ? chunk.actions : [] }
    var sequences = [Array(valid(lastChunk).dropFirst(consumed))]
    if observesAhead {
      let rest = valid(earlierChunk).dropFirst(consumed), last = valid(lastChunk)
      let starts = observation.skipsExecuted ? 0...last.count : 0...0
      for count in 0...rest.count {
        for start in starts { sequences.append(Array(rest.prefix(count)) + last.dropFirst(start)) }
      }
    }
    return sequences.filter { !$0.isEmpty }
  }

  /// Remembers that the robot got an error instead of a chunk, and so holds still.
  public mutating func recordRefusal() {
    lastCommandMoves = false
  }

  /// Remembers what a later step of the episode saw whose chunk was not sent, but neither its commands nor its counts.
  ///
  /// - Parameter later: the context that the step has left behind.
  public mutating func rememberSight(of later: EpisodeContext) {
    frozenCameras = later.frozenCameras
    earlierFrames = later.earlierFrames
    observesAhead = observesAhead || later.observesAhead
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
