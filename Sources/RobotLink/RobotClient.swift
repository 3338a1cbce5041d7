public import AccessKeys
import CZeroMQ
import ProtobufCodec
public import RobotInterface
internal import ZeroMQTransport

/// A robot's end of the link: asks the daemon and waits for the answer, never longer than the timeout.
///
/// One owner, one thread at a time. An answer that comes after its timeout is dropped, never taken for a later one's.
///
/// ``hello(clientName:clientVersion:)`` makes the client the owner of its session and is what robot and daemon agree upon. Wherever the
/// connection has broken, another daemon may answer: the client greets it again by itself, and compares, before it sends or hands out
/// anything more.
/// Once anything differs, or the session was given up by this client or taken from it, it sends and hands out nothing that could move the
/// robot until ``hello(clientName:clientVersion:)`` is called again.
public final class RobotClient {
  /// The session that every request belongs to.
  public let sessionID: String
  /// How long each request waits for its answer.
  public var timeout: Duration
  /// Proves that this client owns the session, from the first greeting on; chosen by the client, so that a lost answer costs nothing. A
  /// secret: whoever keeps it, in a file for example, can go on with the session after a restart.
  public private(set) var sessionToken: [UInt8]
  /// Whether the daemon has said, in answer to the last greeting, that the session is this client's; `false` before the first.
  public private(set) var isOwner = false
  /// What was agreed upon: the answer to the last ``hello(clientName:clientVersion:)``.
  public private(set) var capabilities: Capabilities?

  private let clock: () -> UInt64
  private let isKeyed: Bool
  /// Whether a daemon has answered.
  private var isAdmitted = false
  /// Why none will.
  private var rejection: String?
  /// Whether a connection has ended in the middle of its handshake.
  private var hasEndedEarly = false
  private var socket: ZeroMQSocket
  private var lastRequestID: UInt64 = 0
  /// Bytes of one request that the daemon reads; `nil` before it has said so.
  private var maximumMessageBytes: UInt64?
  private var greeting = (name: "", version: "")
  /// What differs from ``capabilities`` since then, if anything does.
  private var difference: String?
  /// Why the session is not this client's any more, although it was.
  private var loss: RobotError?
  /// Whether a connection has broken since the last greeting.
  private var hasReconnected = false
  /// Whether a connection that broke before a question fails it.
  private var isWatching = false
  /// Whether it broke since that began, or since the greeting after, and no question was told yet.
  private var hasBroken = false
  /// Of the last reply.
  private var echo: ClockEcho?

  /// Connects to a daemon, now or as soon as one listens at `endpoint`.
  ///
  /// - Parameters:
  ///   - endpoint: where the daemon is looked for.
  ///   - sessionID: 1...``ProtocolLimits/maximumSessionIDBytes`` printable ASCII characters; two robots must not share one.
  ///   - sessionToken: of a session that this program owned before, or the operator's; empty: a new one of random bytes.
  ///   - key: of a daemon that has keys; everything is encrypted then. `nil`: for a daemon without.
  ///   - timeout: how long each request waits for its answer.
  ///   - clock: the robot's monotonic clock, nanoseconds; ``Observation/capturedAt`` must be of the same.
  /// - Throws: ``ClientError/transport(_:)`` when no socket can be made.
  public init(
    endpoint: Endpoint, sessionID: String, sessionToken: [UInt8] = [], key: ClientKey? = nil,
    timeout: Duration = .seconds(5), clock: @escaping () -> UInt64 = MonotonicClock.nanoseconds
  ) throws(ClientError) {
    self.sessionID = sessionID
    self.sessionToken = sessionToken.isEmpty ? SecretBytes.random() : sessionToken
    self.timeout = timeout
    self.clock = clock
    isKeyed = key != nil
    do throws(RobotError) {
      var socket = try ZeroMQSocket(
        .dealer, options: [(ZMQ_LINGER, 0), (ZMQ_SNDHWM, 16), (ZMQ_RCVHWM, 64)] + ZeroMQSocket.keepAlive,
        maximumFrameBytes: Int64(ProtocolLimits.maximumMessageBytes))
      if let key { try socket.identify(by: key) }
      try socket.watchConnection()
      try socket.connect(endpoint)
      self.socket = socket
    } catch {
      throw .transport(error)
    }
  }

  /// As ``init(endpoint:sessionID:sessionToken:key:timeout:clock:)``, with an address that is still a text: `tcp://host:port` or `ipc://path`.
  ///
  /// - Throws: ``ClientError/transport(_:)`` also when it is not an address.
  public convenience init(
    endpoint: String, sessionID: String, sessionToken: [UInt8] = [], key: ClientKey? = nil,
    timeout: Duration = .seconds(5), clock: @escaping () -> UInt64 = MonotonicClock.nanoseconds
  ) throws(ClientError) {
    let place: Endpoint
    do throws(RobotError) { place = try Endpoint(endpoint, for: .connect) } catch { throw .transport(error) }
    try self.init(
      endpoint: place, sessionID: sessionID, sessionToken: sessionToken, key: key, timeout: timeout, clock: clock)
  }

  /// Asks what the daemon drives, and agrees upon it; answered once its policy is warm. ``isOwner`` then says whose the session is.
  ///
  /// - Throws: ``ClientError``.
  public func hello(clientName: String, clientVersion: String) throws(ClientError) -> Capabilities {
    greeting = (clientName, clientVersion)
    let found = try greet()
    (capabilities, difference, loss) = (found, nil, nil)
    maximumMessageBytes = found.limits.maximumMessageBytes
    return found
  }

  /// Asks what to do.
  ///
  /// - Parameter observation: ``Observation/sentAt`` is filled in when it is 0, and ``Observation/echo`` unless the clock is simulated.
  /// - Throws: ``ClientError``; ``ClientError/late(by:)`` when the deadline of the commands has passed, unless the clock is simulated:
  ///   the robot then looks at ``ActionChunk/validUntil`` itself.
  public func act(on observation: Observation) throws(ClientError) -> ActionChunk {
    guard case .actionChunk(let chunk) = try askAsOwner(.observation(observation)) else {
      throw unexpected("an action chunk")
    }
    guard chunk.observationSequence == observation.sequence, chunk.capturedAt == observation.capturedAt else {
      throw .invalidReply(RobotError(.malformed, "action_chunk", "the actions are for another observation"))
    }
    if let agreed = capabilities?.policyDigest, chunk.policyDigest != agreed {
      throw policyChanged("the commands are of policy \(chunk.policyDigest), agreed was \(agreed)")
    }
    let now = observation.clock == .monotonic ? clock() : 0
    guard now <= chunk.validUntil else { throw .late(by: .nanoseconds(now - chunk.validUntil)) }
    return chunk
  }

  /// Begins a new episode; a latched stop stays.
  ///
  /// - Returns: whether the session's stop is latched.
  /// - Throws: ``ClientError``.
  @discardableResult
  public func reset() throws(ClientError) -> Bool { try acknowledgedAsOwner(.reset) }

  /// Latches a stop until ``resume()``. Anyone may: no greeting and no token are needed.
  ///
  /// - Returns: whether the session's stop is latched: `true`.
  /// - Throws: ``ClientError``; then the stop may not have arrived, and the robot must hold by itself.
  ///
  /// Of a long reason the beginning is sent (``StopReason``).
  @discardableResult
  public func stop(reason: String) throws(ClientError) -> Bool { try acknowledged(.stop(reason: reason)) }

  /// Clears a latched stop; only the session's owner and the operator may.
  ///
  /// - Returns: whether the session's stop is latched: `false`.
  /// - Throws: ``ClientError``.
  @discardableResult
  public func resume() throws(ClientError) -> Bool { try acknowledgedAsOwner(.resume) }

  /// Lets sessions that the daemon does not know begin unstopped again, after it had to forget stops; only the operator may.
  ///
  /// - Throws: ``ClientError``.
  public func resumeUnknownSessions() throws(ClientError) { _ = try acknowledged(.resumeUnknown) }

  /// Gives the session up: the next that says hello owns it. A latched stop stays. For its owner, which then owns it again only after
  /// another ``hello(clientName:clientVersion:)``, and for the operator where an owner has lost its token.
  ///
  /// - Returns: whether the session's stop is latched.
  /// - Throws: ``ClientError``.
  @discardableResult
  public func release() throws(ClientError) -> Bool {
    // Also where the answer is lost.
    if isOwner { loss = Self.released }
    let isStopped = try acknowledged(.release)
    isOwner = false
    return isStopped
  }

  // MARK: Several requests at once

  /// Sends a request without waiting for its answer.
  ///
  /// - Returns: the id that its reply will carry.
  /// - Throws: ``ClientError/invalidRequest(_:)``, or ``ClientError/transport(_:)`` when too many requests wait to leave.
  public func send(_ body: RequestMessage.Body) throws(ClientError) -> UInt64 {
    lastRequestID += 1
    var request = RequestMessage(
      requestID: lastRequestID, sessionID: sessionID, sessionToken: sessionToken, body: stamped(body))
    // It needs no token, and one that breaks the protocol must not keep it back.
    if case .stop = body { request.sessionToken = [] }
    let bytes: [UInt8]
    do throws(RobotError) { bytes = try request.encoded() } catch { throw .invalidRequest(error) }
    // The daemon would refuse it too, but of one that is far too large it only breaks the connection.
    if let maximumMessageBytes, UInt64(bytes.count) > maximumMessageBytes {
      throw .invalidRequest(
        RobotError(
          .tooLarge, "request",
          "\(bytes.count) bytes, this daemon reads \(maximumMessageBytes) at most; send smaller or compressed pictures")
      )
    }
    try send(bytes)
    return lastRequestID
  }

  /// Fills in what only the moment of departure can say. Where the connection is down just then, ZeroMQ keeps the message until it is up:
  /// that time counts as age all the same, because the daemon knows this clock from the echoes.
  private func stamped(_ body: RequestMessage.Body) -> RequestMessage.Body {
    switch body {
    case .stop(let reason): return .stop(reason: StopReason.fitted(reason))
    case .hello(let name, let version, 0): return .hello(clientName: name, clientVersion: version, sentAt: clock())
    case .observation(var observation):
      guard observation.clock == .monotonic else { return body }
      if observation.sentAt == 0 { observation.sentAt = clock() }
      observation.echo = observation.echo ?? echo
      return .observation(observation)
    default: return body
    }
  }

  /// Waits for the next reply to any request.
  ///
  /// - Throws: ``ClientError``; a daemon's error is a reply here.
  public func receive() throws(ClientError) -> ReplyMessage { try receive(until: .now + timeout) }

  private func receive(until deadline: ContinuousClock.Instant) throws(ClientError) -> ReplyMessage {
    guard let reply = try next(until: deadline) else { throw silence }
    return reply
  }

  /// What no answer in time means.
  private var silence: ClientError {
    guard isKeyed, hasEndedEarly, !isAdmitted else { return .timedOut(after: timeout) }
    return .notAdmitted("the daemon breaks the handshake off; is it the one whose key this client expects?")
  }

  /// The next reply to any request; `nil` when none comes before `deadline`.
  func next(until deadline: ContinuousClock.Instant) throws(ClientError) -> ReplyMessage? {
    repeat {
      guard let frames = try receiveFrames(until: deadline) else { continue }
      guard let payload = frames.last, frames.count <= 2 else {
        throw .invalidReply(RobotError(.malformed, "message", "a reply is exactly one frame"))
      }
      let receivedAt = clock()
      isAdmitted = true
      do throws(RobotError) {
        let reply = try ReplyMessage(decoding: payload.bytes)
        if reply.sentAt > 0 { echo = ClockEcho(replySentAt: reply.sentAt, replyReceivedAt: receivedAt) }
        return reply
      } catch { throw .invalidReply(error) }
    } while ContinuousClock.now < deadline
    return nil
  }

  /// Sends bytes as they are: for tests of what a daemon does with them.
  package func send(_ bytes: [UInt8]) throws(ClientError) {
    try checkAdmission()
    do throws(RobotError) {
      guard try socket.send([bytes]) else {
        throw RobotError(.overloaded, "request", "too many requests wait to leave; is the daemon there?")
      }
    } catch {
      throw .transport(error)
    }
  }

  // MARK: Agreement

  private func greet() throws(ClientError) -> Capabilities {
    let body = RequestMessage.Body.hello(clientName: greeting.name, clientVersion: greeting.version)
    // What breaks from now on may be after the answer.
    _ = takeDisconnection()
    hasBroken = false
    let reply = try ask(body)
    // Only an answer says who is there.
    hasReconnected = takeDisconnection()
    guard case .capabilities(let found) = reply else { throw unexpected("capabilities") }
    isOwner = !found.sessionToken.isEmpty
    if isOwner { sessionToken = found.sessionToken }
    return found
  }

  /// As ``ask(_:)``, for what only the session's owner may do.
  private func askAsOwner(_ body: RequestMessage.Body) throws(ClientError) -> ReplyMessage.Body {
    if let difference { throw .policyChanged(difference) }
    if let loss { throw .refused(loss) }
    try greetAfterReconnection()
    let isEchoOld = isEchoOld(for: body)
    do throws(ClientError) { return try askTheSame(body) } catch {
      guard case .refused(let refusal) = error else { throw error }
      // The refusal is the echo that was missing.
      if refusal.code == .staleObservation, isEchoOld { return try askTheSame(body) }
      // What its key does not permit says nothing of whose the session is.
      guard refusal.code == .notOwner, refusal.subject != "key", capabilities != nil else { throw error }
      guard try greetAfterReconnection() else {
        // The same daemon: somebody wants this client not to own the session.
        if isOwner { (isOwner, loss) = (false, refusal) }
        throw error
      }
      return try askTheSame(body)
    }
  }

  /// As ``ask(_:)``; what comes after the connection has broken is handed out once its daemon has said what it is.
  private func askTheSame(_ body: RequestMessage.Body) throws(ClientError) -> ReplyMessage.Body {
    let reply = try ask(body)
    try greetAfterReconnection()
    return reply
  }

  /// Where the connection has broken since the last greeting, asks whether the daemon is the one that was agreed upon.
  ///
  /// - Returns: whether it has asked.
  /// - Throws: ``ClientError/policyChanged(_:)`` when it is another.
  @discardableResult
  private func greetAfterReconnection() throws(ClientError) -> Bool {
    _ = takeDisconnection()
    guard hasReconnected, let capabilities else { return false }
    if let difference = try capabilities.difference(to: greet()) { throw policyChanged(difference) }
    return true
  }

  private static let released = RobotError(
    .notOwner, "session_id", "this client has given its session up; say hello again before anything else")

  /// Nanoseconds after which an echo says too little of this clock: 1 ms a second is lost for drift, and counts as age.
  private static let longestEcho: UInt64 = 60_000_000_000

  /// Whether the daemon knows too little of this clock to tell an observation's age, which any answer changes.
  private func isEchoOld(for body: RequestMessage.Body) -> Bool {
    guard case .observation(let observation) = body, observation.clock == .monotonic, let echo else { return false }
    return clock() &- echo.replyReceivedAt > Self.longestEcho
  }

  private func policyChanged(_ difference: String) -> ClientError {
    self.difference = difference
    return .policyChanged(difference)
  }

  private func acknowledgedAsOwner(_ body: RequestMessage.Body) throws(ClientError) -> Bool {
    guard case .acknowledgement(let stopped) = try askAsOwner(body) else { throw unexpected("an acknowledgement") }
    return stopped
  }

  // MARK: Parts

  private func ask(_ body: RequestMessage.Body) throws(ClientError) -> ReplyMessage.Body {
    let requestID = try send(body)
    let deadline = ContinuousClock.now + timeout
    repeat {
      let reply = try receive(until: deadline)
      // Anything else answers a request whose time ran out.
      guard reply.requestID == requestID else { continue }
      if case .error(let error) = reply.body { throw .refused(error) }
      return reply.body
    } while ContinuousClock.now < deadline
    throw silence
  }

  func acknowledged(_ body: RequestMessage.Body) throws(ClientError) -> Bool {
    guard case .acknowledgement(let stopped) = try ask(body) else { throw unexpected("an acknowledgement") }
    return stopped
  }

  /// From now on ``generate(_:onProgress:isCancelled:)`` fails at once when the daemon closes the connection, also when it was closed
  /// before the question. Otherwise that begins with the question; a second call changes nothing.
  public func watchConnection() {
    if !isWatching { _ = takeDisconnection() }
    isWatching = true
  }

  /// Whether the connection has been closed since the last call.
  private func takeDisconnection() -> Bool {
    let isNew = socket.takeDisconnection()
    if isNew { (hasReconnected, hasBroken) = (true, isWatching) }
    return isNew
  }

  /// Whether the connection has been closed since it is watched, whoever has noticed; `true` once for each time.
  func takeBreak() -> Bool {
    _ = takeDisconnection()
    defer { hasBroken = false }
    return hasBroken
  }

  /// Whether the daemon has refused the connection: ZeroMQ does not try again then.
  private func checkAdmission() throws(ClientError) {
    switch socket.takeHandshakeFailure() {
    case .refused:
      rejection =
        isKeyed
        ? "the daemon does not know this key, or has too many connections from here"
        : "the daemon asks for a key, or has too many connections from here"
    case .otherMechanism:
      rejection =
        isKeyed
        ? "this daemon has no keys (uio2 serve --keys), so that nobody knows who it is"
        : "this daemon asks for a key (--key FILE)"
    case .broken where isKeyed:
      rejection = "the handshake was broken; is it the daemon whose key this client expects?"
    case .ended: hasEndedEarly = true
    case .broken, nil: break
    }
    if let rejection { throw .notAdmitted(rejection) }
  }

  private func receiveFrames(until deadline: ContinuousClock.Instant) throws(ClientError) -> [ZeroMQSocket.Frame]? {
    do throws(RobotError) {
      let remaining = max(.zero, ContinuousClock.now.duration(to: deadline))
      let hasMessage =
        isAdmitted
        ? try socket.waitToReceive(timeout: remaining, wakeUp: nil) : try socket.waitForNews(timeout: remaining)
      if hasMessage { return try socket.receive(maximumBytes: ProtocolLimits.maximumMessageBytes) }
    } catch {
      throw .transport(error)
    }
    try checkAdmission()
    return nil
  }

  func unexpected(_ expected: String) -> ClientError {
    .invalidReply(RobotError(.malformed, "reply.body", "expected \(expected)"))
  }
}

extension Capabilities {
  /// What a robot that agreed with these must know about others; `nil` when they say the same. The token is no part of the agreement.
  fileprivate func difference(to other: Capabilities) -> String? {
    var other = other
    other.sessionToken = sessionToken
    if other == self { return nil }
    guard other.policyDigest == policyDigest else {
      return "\(other.policyName) (\(other.policyDigest)) in place of \(policyName) (\(policyDigest))"
    }
    return "the same policy with other capabilities"
  }
}
