import CZeroMQ
import RobotInterface

/// A robot's end of the link: asks the daemon and waits for the answer, never longer than the timeout.
///
/// One owner, one thread at a time. An answer that comes after its timeout is dropped, never taken for a later one's.
public final class RobotClient {
  /// The session that every request belongs to.
  public let sessionID: String
  /// How long each request waits for its answer.
  public var timeout: Duration

  private var socket: ZeroMQSocket
  private var lastRequestID: UInt64 = 0
  /// Bytes of one request that the daemon reads; `nil` before it has said so.
  private var maximumMessageBytes: UInt64?

  /// Connects to a daemon, now or as soon as one listens at `endpoint`.
  ///
  /// - Parameters:
  ///   - endpoint: where the daemon is looked for.
  ///   - sessionID: 1...``ProtocolLimits/maximumSessionIDBytes`` bytes; two robots must not share one.
  ///   - timeout: how long each request waits for its answer.
  /// - Throws: ``ClientError/transport(_:)`` when no socket can be made.
  public init(endpoint: Endpoint, sessionID: String, timeout: Duration = .seconds(5)) throws(ClientError) {
    self.sessionID = sessionID
    self.timeout = timeout
    do throws(RobotError) {
      var socket = try ZeroMQSocket(
        .dealer, options: [(ZMQ_LINGER, 0), (ZMQ_SNDHWM, 16), (ZMQ_RCVHWM, 64)] + ZeroMQSocket.keepAlive,
        maximumFrameBytes: Int64(ProtocolLimits.maximumMessageBytes))
      try socket.connect(endpoint)
      self.socket = socket
    } catch {
      throw .transport(error)
    }
  }

  /// As ``init(endpoint:sessionID:timeout:)``, with an address that is still a text: `tcp://host:port` or `ipc://path`.
  ///
  /// - Throws: ``ClientError/transport(_:)`` also when it is not an address.
  public convenience init(endpoint: String, sessionID: String, timeout: Duration = .seconds(5)) throws(ClientError) {
    let place: Endpoint
    do throws(RobotError) { place = try Endpoint(endpoint, for: .connect) } catch { throw .transport(error) }
    try self.init(endpoint: place, sessionID: sessionID, timeout: timeout)
  }

  /// Asks what the daemon drives; answered once its policy is warm.
  ///
  /// - Throws: ``ClientError``.
  public func hello(clientName: String, clientVersion: String) throws(ClientError) -> Capabilities {
    guard case .capabilities(let capabilities) = try ask(.hello(clientName: clientName, clientVersion: clientVersion))
    else {
      throw unexpected("capabilities")
    }
    maximumMessageBytes = capabilities.limits.maximumMessageBytes
    return capabilities
  }

  /// Asks what to do.
  ///
  /// - Throws: ``ClientError``.
  public func act(on observation: Observation) throws(ClientError) -> ActionChunk {
    guard case .actionChunk(let chunk) = try ask(.observation(observation)) else { throw unexpected("an action chunk") }
    guard chunk.observationSequence == observation.sequence, chunk.capturedAt == observation.capturedAt else {
      throw .invalidReply(RobotError(.malformed, "action_chunk", "the actions are for another observation"))
    }
    return chunk
  }

  /// Begins a new episode; a latched stop stays.
  ///
  /// - Returns: whether the session's stop is latched.
  /// - Throws: ``ClientError``.
  @discardableResult
  public func reset() throws(ClientError) -> Bool { try acknowledged(.reset) }

  /// Latches a stop until ``resume()``.
  ///
  /// - Returns: whether the session's stop is latched: `true`.
  /// - Throws: ``ClientError``; then the stop may not have arrived, and the robot must hold by itself.
  @discardableResult
  public func stop(reason: String) throws(ClientError) -> Bool { try acknowledged(.stop(reason: reason)) }

  /// Clears a latched stop.
  ///
  /// - Returns: whether the session's stop is latched: `false`.
  /// - Throws: ``ClientError``.
  @discardableResult
  public func resume() throws(ClientError) -> Bool { try acknowledged(.resume) }

  // MARK: Several requests at once

  /// Sends a request without waiting for its answer.
  ///
  /// - Returns: the id that its reply will carry.
  /// - Throws: ``ClientError/invalidRequest(_:)``, or ``ClientError/transport(_:)`` when too many requests wait to leave.
  public func send(_ body: RequestMessage.Body) throws(ClientError) -> UInt64 {
    lastRequestID += 1
    let bytes: [UInt8]
    do throws(RobotError) {
      bytes = try RequestMessage(requestID: lastRequestID, sessionID: sessionID, body: body).encoded()
    } catch {
      throw .invalidRequest(error)
    }
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

  /// Waits for the next reply to any request.
  ///
  /// - Throws: ``ClientError``; a daemon's error is a reply here.
  public func receive() throws(ClientError) -> ReplyMessage { try receive(until: .now + timeout) }

  private func receive(until deadline: ContinuousClock.Instant) throws(ClientError) -> ReplyMessage {
    guard let reply = try next(until: deadline) else { throw .timedOut(after: timeout) }
    return reply
  }

  /// The next reply to any request; `nil` when none comes before `deadline`.
  func next(until deadline: ContinuousClock.Instant) throws(ClientError) -> ReplyMessage? {
    repeat {
      guard let frames = try receiveFrames(until: deadline) else { continue }
      guard let payload = frames.last, frames.count <= 2 else {
        throw .invalidReply(RobotError(.malformed, "message", "a reply is exactly one frame"))
      }
      do throws(RobotError) { return try ReplyMessage(decoding: payload.bytes) } catch { throw .invalidReply(error) }
    } while ContinuousClock.now < deadline
    return nil
  }

  /// Sends bytes as they are: for tests of what a daemon does with them.
  package func send(_ bytes: [UInt8]) throws(ClientError) {
    do throws(RobotError) {
      guard try socket.send([bytes]) else {
        throw RobotError(.overloaded, "request", "too many requests wait to leave; is the daemon there?")
      }
    } catch {
      throw .transport(error)
    }
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
    throw .timedOut(after: timeout)
  }

  func acknowledged(_ body: RequestMessage.Body) throws(ClientError) -> Bool {
    guard case .acknowledgement(let stopped) = try ask(body) else { throw unexpected("an acknowledgement") }
    return stopped
  }

  private func receiveFrames(until deadline: ContinuousClock.Instant) throws(ClientError) -> [ZeroMQSocket.Frame]? {
    do throws(RobotError) {
      let remaining = max(.zero, ContinuousClock.now.duration(to: deadline))
      guard try socket.waitToReceive(timeout: remaining, wakeUp: nil) else { return nil }
      return try socket.receive(maximumBytes: ProtocolLimits.maximumMessageBytes)
    } catch {
      throw .transport(error)
    }
  }

  func unexpected(_ expected: String) -> ClientError {
    .invalidReply(RobotError(.malformed, "reply.body", "expected \(expected)"))
  }
}
