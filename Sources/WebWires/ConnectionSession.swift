import RobotInterface

/// A connection of a format without sessions, as the session that it is to the daemon: named, owned by a token of its own, greeted before
/// anything else and given up in the end. It counts the observations and knows which reply answers what.
struct ConnectionSession: Sendable {
  /// What a request was made for.
  enum Question: Sendable, Hashable {
    case greeting
    case beginning
    /// An observation, by what the client calls it.
    case observation(mark: Int)
    case farewell
  }

  /// Printable, and told apart from robots' names by people.
  let name: String
  private let token: [UInt8]
  private var lastRequest: UInt64 = 0
  private var lastSequence: UInt64 = 0
  private var questions: [UInt64: Question] = [:]
  /// Of the last chunk.
  private var sentActions = 0
  /// Of the last reply.
  private var lastReply: UInt64 = 0

  /// - Parameters:
  ///   - wire: its name.
  ///   - number: of the connection.
  init(wire: String, number: UInt64) {
    var generator = SystemRandomNumberGenerator()
    token = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    // Nobody can take the name of a connection that is still to come.
    let random = String(UInt64.random(in: .min ... .max, using: &generator), radix: 16)
    name = "\(wire)-\(number)-\(random)"
  }

  /// Says hello: the connection owns its session from then on.
  mutating func greet(_ client: String, at now: UInt64) -> RequestMessage {
    request(.hello(clientName: client, clientVersion: "", sentAt: now), for: .greeting)
  }

  /// Begins an episode; a latched stop stays.
  mutating func begin() -> RequestMessage {
    (lastSequence, sentActions) = (0, 0)
    return request(.reset, for: .beginning)
  }

  /// Asks what to do.
  ///
  /// A format without times has an observation made when it arrived. The client has ended with the last chunk when it asks again: of what
  /// is left of it nothing follows.
  mutating func observe(
    _ frames: [CameraFrame], _ state: [Double], _ instruction: String, mark: Int, executed: Int? = nil,
    clock: RobotClock = .monotonic, at now: UInt64
  ) -> RequestMessage {
    lastSequence += 1
    let observation = Observation(
      sequence: lastSequence, capturedAt: now, sentAt: now, frames: frames, proprioception: state,
      instruction: instruction, actionsConsumed: executed ?? sentActions, clock: clock,
      // Of a reply that left after this had come nothing is known.
      echo: lastReply > 0 && lastReply <= now && clock == .monotonic
        ? ClockEcho(replySentAt: lastReply, replyReceivedAt: lastReply) : nil)
    return request(.observation(observation), for: .observation(mark: mark))
  }

  /// Gives the session up.
  mutating func end() -> RequestMessage { request(.release, for: .farewell) }

  private mutating func request(_ body: RequestMessage.Body, for question: Question) -> RequestMessage {
    lastRequest += 1
    questions[lastRequest] = question
    return RequestMessage(requestID: lastRequest, sessionID: name, sessionToken: token, body: body)
  }

  /// What a reply answers; `nil` when it answers nothing that was asked.
  mutating func take(_ reply: ReplyMessage) -> Question? {
    guard let question = questions.removeValue(forKey: reply.requestID) else { return nil }
    lastReply = reply.sentAt
    if case .actionChunk(let chunk) = reply.body { sentActions = chunk.actions.count }
    return question
  }

  /// Forgets a request that is not sent after all.
  mutating func withdraw(_ request: RequestMessage) { questions[request.requestID] = nil }

  /// Questions that were not answered yet.
  var openQuestions: Int { questions.count }
}
