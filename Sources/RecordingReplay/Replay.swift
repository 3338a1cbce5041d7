public import MCAP
import Recording
import RobotInterface
import ProtobufCodec
public import RobotPolicy

typealias ReplyMessageBody = ReplyMessage.Body

/// Plays the observations of a recording through a policy, in the order in which they came, and compares what it says with what was said.
///
/// Each session has a control core of its own, so that history, limits and what the robot may still execute are reckoned as they were. What
/// a person asked of the model (`Generate`) is not repeated.
public struct Replay {
  private struct Answer {
    var reachesPolicy: Bool
    /// Of a greeting: the token that the daemon made.
    var token: [UInt8] = []
    var error: RobotError?
  }

  private struct Request: Hashable {
    var session: String
    var id: UInt64
  }

  /// A request that waits for its recorded answer.
  private struct Waiting {
    /// In the replay: clients of one session may count alike.
    var number: UInt64
    /// `nil`: it is no observation.
    var frame: Frame?
  }

  private struct Frame {
    var number: Int
    var episode: Int
    var sequence: UInt64
  }

  private struct Session {
    var replay: SessionReplay
    var requests: UInt64 = 0
    var frames = 0
    var episodes = 0
    var lastComparedEpisode = 0
    /// By the client's number.
    var waiting: [UInt64: [Waiting]] = [:]
  }

  private let path: String
  private var answers: [Request: [Answer]] = [:]
  private var sessions: [String: Session] = [:]
  private var report = ReplayReport()
  private var start: UInt64?

  /// What the recording says about itself; `nil`: nothing, as when it was cut near its beginning.
  public let facts: RecordingFacts?
  /// Observations that the policy answered.
  public let observations: Int

  /// Reads the recording once, for the answers: they tell which observations reached the policy.
  ///
  /// - Throws: ``MCAPError``: the recording cannot be read.
  public init(_ path: String) throws(MCAPError) {
    self.path = path
    var reader = try RecordingReader(path)
    var count = 0
    while let entry = try reader.next() {
      guard case .reply(let reply, _) = entry.content, reply.body.isFinal else { continue }
      let answer = Self.answer(reply.body)
      if answer.reachesPolicy { count += 1 }
      answers[Request(session: reply.sessionID, id: reply.requestID), default: []].append(answer)
    }
    facts = reader.facts
    observations = count
  }

  private static func answer(_ body: ReplyMessageBody) -> Answer {
    switch body {
    case .actionChunk: Answer(reachesPolicy: true)
    case .capabilities(let capabilities): Answer(reachesPolicy: false, token: capabilities.sessionToken)
    case .error(let error): Answer(reachesPolicy: policyErrors.contains(error.code), error: error)
    default: Answer(reachesPolicy: false)
    }
  }

  /// What a policy says; other errors are the daemon's, before the policy has seen anything.
  private static let policyErrors: Set<RobotError.Code> = [
    .unknownCamera, .missingCamera, .invalidImage, .invalidProprioception, .invalidInstruction, .unknownInstruction,
    .frozenCamera, .invalidAction, .internal, .staleObservation,
  ]

  /// Plays it.
  ///
  /// - Parameter onFrame: called after each comparison, with how many there were.
  /// - Throws: ``MCAPError``: the recording cannot be read any more.
  public consuming func run(
    through policy: any ObservationPolicy, onFrame: (Int) -> Void = { _ in }
  ) throws(MCAPError) -> ReplayReport {
    var reader = try RecordingReader(path)
    while let entry = try reader.next() {
      start = start ?? entry.time
      switch entry.content {
      case .request(let request): receive(request, policy, at: entry.time)
      case .reply(let reply, _):
        if compare(reply, at: entry.time) { onFrame(report.observations) }
      case .losses(let losses): report.lost += losses.messages
      case .episode: break
      }
    }
    switch reader.ending {
    case .cut(let place): report.cutAt = place
    case .followed(let place): report.endedAt = place
    case .whole, nil: break
    }
    return report
  }

  private mutating func receive(_ request: RequestMessage, _ policy: any ObservationPolicy, at time: UInt64) {
    switch request.body {
    case .generate, .cancel: return
    default: break
    }
    var request = request
    let answer = takeAnswer(to: request)
    // A token that the daemon made is no other daemon's: this one is told of it.
    if case .hello = request.body, request.sessionToken.isEmpty { request.sessionToken = answer?.token ?? [] }
    var session =
      sessions[request.sessionID]
      ?? Session(replay: SessionReplay(policy, operatorToken: facts?.operatorToken ?? [], at: time))
    if case .reset = request.body { session.episodes += 1 }
    session.requests += 1
    var waiting = Waiting(number: session.requests)
    if case .observation(let observation) = request.body {
      session.frames += 1
      waiting.frame = Frame(
        number: session.frames, episode: max(1, session.episodes), sequence: observation.sequence)
    }
    session.waiting[request.requestID, default: []].append(waiting)
    request.requestID = waiting.number
    session.replay.receive(
      request, reachesPolicy: answer?.reachesPolicy ?? false, error: answer?.error, at: time)
    sessions[request.sessionID] = session
  }

  private mutating func takeAnswer(to request: RequestMessage) -> Answer? {
    let key = Request(session: request.sessionID, id: request.requestID)
    guard var found = answers[key], !found.isEmpty else { return nil }
    let answer = found.removeFirst()
    answers[key] = found.isEmpty ? nil : found
    return answer
  }

  /// - Returns: whether there was something to compare.
  private mutating func compare(_ recorded: ReplyMessage, at time: UInt64) -> Bool {
    guard var session = sessions[recorded.sessionID], recorded.body.isFinal else { return false }
    defer { sessions[recorded.sessionID] = session }
    guard var requests = session.waiting[recorded.requestID], !requests.isEmpty else { return false }
    let request = requests.removeFirst()
    session.waiting[recorded.requestID] = requests.isEmpty ? nil : requests
    let replayed = session.replay.reply(to: request.number, at: time)
    guard let frame = request.frame else { return false }
    // What the daemon refused or displaced was never the policy's to answer.
    guard Self.answer(recorded.body).reachesPolicy else { return false }
    report.observations += 1
    if session.lastComparedEpisode == 0 { report.sessions += 1 }
    if session.lastComparedEpisode != frame.episode { report.episodes += 1 }
    session.lastComparedEpisode = frame.episode
    guard let difference = ReplayReport.difference(recorded.body, replayed?.body) else { return true }
    report.different += 1
    report.first =
      report.first
      ?? ReplayReport.Difference(
        frame: frame.number, session: recorded.sessionID, episode: frame.episode, sequence: frame.sequence,
        seconds: Double(time - min(time, start ?? time)) / 1e9, field: difference.field,
        recorded: difference.recorded, replayed: difference.replayed)
    return true
  }
}
