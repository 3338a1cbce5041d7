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
    case stop
    case farewell
  }

  /// What a connection's owner knows of the chunk before when its client asks again.
  enum Execution: Sendable, Hashable {
    /// Nothing: the client may go on with it, and with every earlier one that is still valid, until it has the answer.
    case unknown
    /// The client has every answer so far, and executed this many of the last chunk's actions, or leaves them out.
    case executed(Int)
    /// The client asks only when it has ended with the last chunk.
    case finished
  }

  /// Printable, and told apart from robots' names by people.
  let name: String
  let token: [UInt8]
  private var lastRequest: UInt64 = 0
  private var lastSequence: UInt64 = 0
  private var questions: [UInt64: Question] = [:]
  /// Of the last chunk.
  private var sentActions = 0
  /// Of the last reply.
  private var lastReply: UInt64 = 0

  init(name: String, token: [UInt8]) {
    self.name = name
    self.token = token
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
  /// - Parameter arrivedAt: when the client's message came. A format without times has an observation made then.
  mutating func observe(_ seen: WebObservation, arrivedAt: UInt64) -> RequestMessage {
    // Who asked again before its answer had left has not got it.
    let hasAnswers = !isWaiting && lastReply > 0 && lastReply <= arrivedAt
    let echoes = hasAnswers && seen.execution != .unknown && seen.clock == .monotonic
    lastSequence += 1
    let observation = Observation(
      sequence: lastSequence, capturedAt: arrivedAt, sentAt: arrivedAt, frames: seen.frames,
      proprioception: seen.state, instruction: seen.instruction, actionsConsumed: executed(seen.execution, hasAnswers),
      clock: seen.clock,
      echo: echoes ? ClockEcho(replySentAt: lastReply, replyReceivedAt: lastReply) : nil)
    return request(.observation(observation), for: .observation(mark: seen.mark))
  }

  private func executed(_ execution: Execution, _ hasAnswers: Bool) -> Int {
    switch execution {
    case .unknown: 0
    case .executed(let count): count
    case .finished: hasAnswers ? sentActions : 0
    }
  }

  /// Whether an observation was not answered yet.
  private var isWaiting: Bool {
    questions.values.contains { if case .observation = $0 { true } else { false } }
  }

  /// Stops the session.
  mutating func stop(_ reason: String) -> RequestMessage {
    request(.stop(reason: StopReason.fitted(reason)), for: .stop)
  }

  /// Gives the session up.
  mutating func end() -> RequestMessage { request(.release, for: .farewell) }

  /// Ends the session's episode, and keeps the session.
  mutating func leave() -> RequestMessage { request(.reset, for: .farewell) }

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

  /// The session's commands are void.
  mutating func void() { sentActions = 0 }

  /// Forgets a request that is not sent after all.
  mutating func withdraw(_ request: RequestMessage) { questions[request.requestID] = nil }

  /// Questions that were not answered yet.
  var openQuestions: Int { questions.count }
}
