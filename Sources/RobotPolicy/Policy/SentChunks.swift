import RobotInterface

/// The chunks of an episode that the robot may still execute: those that are valid and not known to be replaced, and the last one.
struct SentChunks: Sendable {
  /// A chunk that was sent.
  private struct SentChunk: Sendable {
    var actions: [Action]
    /// Robot clock, nanoseconds: no action begins after it.
    var validUntil: UInt64
    /// Whether it makes the robot move.
    var moves: Bool
  }

  /// More chunks than this that may still be executed are not reckoned with: the robot holds still instead.
  private static let capacity = 16
  /// Of sequences, likewise.
  private static let maximumSequences = 8_192

  /// The newest last; their numbers count up to ``lastNumber``.
  private var chunks: [SentChunk] = []
  /// How many were sent in the episode.
  private(set) var lastNumber = 0
  /// The newest chunk that the robot is known to have; `nil`: it has the last one, whichever that is.
  private var known: Int?
  /// Whether the robot has been seen to observe again before it had the answer to its last observation.
  var observesAhead = false

  var lastActions: [Action] { chunks.last?.actions ?? [] }

  /// Robot clock, nanoseconds: how long a chunk is valid that makes the robot move and that it may have; `nil`: none does.
  var movesUntil: UInt64? {
    let oldest = oldestCandidate
    return zip(firstNumber..., chunks).filter { $0 >= oldest && $1.moves }.map(\.1.validUntil).max()
  }

  /// The number of the oldest chunk that is remembered.
  private var firstNumber: Int { lastNumber - chunks.count + 1 }

  /// The number of the oldest chunk that the robot may execute.
  private var oldestCandidate: Int {
    min(known ?? lastNumber, observesAhead ? lastNumber - 1 : lastNumber)
  }

  mutating func append(_ actions: [Action], validUntil: UInt64, moves: Bool) {
    chunks.append(SentChunk(actions: actions, validUntil: validUntil, moves: moves))
    lastNumber += 1
    chunks.removeFirst(max(0, chunks.count - (known == nil ? 2 : Self.capacity + 1)))
  }

  /// Takes note that the robot has a chunk, and forgets those before it and those that are valid no longer. The chunk just before it stays
  /// for a robot that observes ahead.
  mutating func noteReceipt(upTo number: Int, at time: UInt64) {
    known = number
    while chunks.count > 1, let first = chunks.first, first.validUntil < time || firstNumber < number - 1 {
      chunks.removeFirst()
    }
  }

  /// Sequences of commands of which the robot may execute any one, or the beginning of any one, before it has the next chunk.
  ///
  /// A robot executes a chunk in order until it has the next one. When it observes, it has come to the place
  /// ``Observation/actionsConsumed`` of the last chunk that it has, so that the rest of this chunk may follow, unless the
  /// observation is later than the chunk is valid. Where it is known to have the last chunk that was sent, that is all.
  ///
  /// Otherwise that may be the chunk that it is known to have, or any later one whose answer may be lost or on its way. It then executes any
  /// part of this chunk, and goes over to any of the later ones: from its start, or from any place of it when the robot leaves out what it
  /// has executed meanwhile (``Observation/skipsExecuted``). For a robot that observes ahead the chunk before the last one is always
  /// among them.
  func pendingActions(after observation: Observation) throws(RobotError) -> [[Action]] {
    // No chunk at all stands for all that are forgotten.
    let candidates = max(oldestCandidate, firstNumber - 1)...lastNumber
    guard candidates.count <= Self.capacity else { throw Self.tooMany }
    var sequences: [[Action]] = []
    for first in candidates.reversed() {
      let rest = rest(of: first, after: observation)
      guard first < lastNumber else {
        sequences.append(rest)
        continue
      }
      var paths = (0...rest.count).map { Array(rest.prefix($0)) }
      for number in (first + 1)...lastNumber {
        let parts = parts(of: number, after: observation)
        guard sequences.count + paths.count * parts.count <= Self.maximumSequences else { throw Self.tooMany }
        paths = paths.flatMap { path in parts.map { path + $0 } }
      }
      sequences += paths
    }
    return sequences.filter { !$0.isEmpty }
  }

  /// What is left of a chunk of which the robot says how far it has come.
  private func rest(of number: Int, after observation: Observation) -> [Action] {
    let actions = actions(of: number, after: observation), consumed = max(0, observation.actionsConsumed)
    // More than there are were executed of something else.
    return consumed <= actions.count ? Array(actions.dropFirst(consumed)) : actions
  }

  /// What the robot may execute of a chunk that it goes over to. Of the last one the ends are enough: every beginning of a sequence counts.
  private func parts(of number: Int, after observation: Observation) -> [ArraySlice<Action>] {
    let actions = actions(of: number, after: observation)
    let starts = observation.skipsExecuted ? 0...actions.count : 0...0
    guard number < lastNumber else { return starts.map { actions[$0...] } }
    // One that it never had is left out whole.
    return [[]] + starts.flatMap { start in (start..<actions.count).map { actions[start...$0] } }
  }

  /// Those that may still begin; none of a chunk that is forgotten.
  private func actions(of number: Int, after observation: Observation) -> [Action] {
    let index = number - firstNumber
    guard chunks.indices.contains(index), observation.capturedAt <= chunks[index].validUntil else { return [] }
    return chunks[index].actions
  }

  private static let tooMany = RobotError(
    .invalidAction, "observation.echo",
    "too many earlier chunks may still be executed, because their answers were not echoed; hold still until they are past valid_until, "
      + "and observe again")
}
