import NIOCore

/// One connection's phase and deadlines. Lives on the event loop.
final class ConnectionState {
  enum Phase {
    /// Until the request is complete.
    case request
    /// A websocket.
    case open
    /// This side has said its last word.
    case closing
  }

  let limits: WebLimits
  let exchange: Exchange
  let peer: String
  var phase = Phase.request
  /// Once it is a websocket.
  var connection: WebConnection?
  var requestBytes = 0
  /// Why it did not become a websocket.
  var refusal: WebResponse?
  /// Bytes that have come and are of no complete frame yet.
  var undecodedBytes = 0
  /// A message that began in an earlier frame.
  var assembled: (isText: Bool, bytes: [UInt8])?
  /// Whether nothing that comes can be told apart into frames any more.
  var isDeaf = false
  /// Whether a frame was completed by what is being read.
  var hasProgress = false

  /// Since when it has been in its phase.
  private var phaseBegan: NIODeadline
  private var messageBegan: NIODeadline?
  private var unwritableSince: NIODeadline?
  private var lastHeard: NIODeadline
  private var isPinged = false
  private var isReading = true

  init(limits: WebLimits, exchange: Exchange, peer: String, now: NIODeadline) {
    self.limits = limits
    self.exchange = exchange
    self.peer = peer
    phaseBegan = now
    lastHeard = now
  }

  func enter(_ phase: Phase, at now: NIODeadline) {
    self.phase = phase
    phaseBegan = now
    lastHeard = now
  }

  func heard(at now: NIODeadline) {
    lastHeard = now
    isPinged = false
  }

  /// Called when what was read has been turned into frames.
  func decoded(at now: NIODeadline) {
    let isPending = undecodedBytes > 0 || assembled != nil
    if !isPending {
      messageBegan = nil
    } else if messageBegan == nil || hasProgress && assembled == nil {
      messageBegan = now
    }
    hasProgress = false
  }

  /// While this side does not read, silence is not the client's.
  func reads(_ isReading: Bool, at now: NIODeadline) {
    self.isReading = isReading
    guard isReading else { return }
    heard(at: now)
    if messageBegan != nil { messageBegan = now }
  }

  func writability(_ isWritable: Bool, at now: NIODeadline) {
    unwritableSince = isWritable ? nil : unwritableSince ?? now
  }

  /// What a look at the clock asks for.
  enum Due {
    case nothing
    case ping
    /// Whoever it is does not keep the rules of time.
    case close(code: Int, reason: String)
    /// There is no use in saying anything.
    case abort(reason: String)
  }

  func due(at now: NIODeadline) -> Due {
    switch phase {
    case .request:
      return now - phaseBegan > TimeAmount(limits.requestTimeout) ? .abort(reason: "no request in time") : .nothing
    case .closing:
      // Who is still sending has not read yet why it is to end, and a connection that ends with bytes unread is reset.
      let isOver =
        connection == nil
        ? now - phaseBegan > TimeAmount(limits.requestTimeout)
        : now - lastHeard > TimeAmount(limits.closeTimeout) || now - phaseBegan > TimeAmount(limits.messageTimeout)
      return isOver ? .abort(reason: "closing took too long") : .nothing
    case .open:
      if let since = unwritableSince, now - since > TimeAmount(limits.writeTimeout) {
        return .abort(reason: "the client does not read")
      }
      guard isReading else { return .nothing }
      if let since = messageBegan, now - since > TimeAmount(limits.messageTimeout) {
        return .close(code: 1008, reason: "a message took too long")
      }
      let silence = now - lastHeard
      if silence > TimeAmount(limits.idleTimeout) {
        return .close(code: 1001, reason: "nothing was heard for too long")
      }
      if !isPinged, silence > TimeAmount(limits.idleTimeout / 2) {
        isPinged = true
        return .ping
      }
      return .nothing
    }
  }
}
