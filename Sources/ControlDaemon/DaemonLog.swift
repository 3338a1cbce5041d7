import Logging
import RobotInterface

/// What of a daemon's life is worth a line.
struct DaemonLog: Sendable {
  private let logger: Logger
  private let addresses: String

  init(_ logger: Logger, addresses: [String]) {
    self.logger = logger
    self.addresses = addresses.joined(separator: " ")
  }

  /// The daemon begins.
  ///
  /// - Parameter ceiling: bytes of memory beyond which it ends.
  func begin(_ capabilities: Capabilities, ceiling: Int?) {
    logger.info("warming up", metadata: ["endpoint": "\(addresses)", "policy": "\(capabilities.policyName)"])
    if let ceiling { logger.info("memory ceiling", metadata: ["MiB": "\(ceiling >> 20)"]) }
    for doubt in capabilities.doubts { logger.warning("\(doubt.text)", metadata: ["advice": "\(doubt.advice)"]) }
  }

  /// The daemon ends because of this.
  func end(because error: RobotError) { logger.error("stopping", metadata: ["error": "\(error)"]) }

  /// The daemon has ended.
  func end() { logger.info("stopped") }

  func note(_ event: DaemonEvent) {
    let session: Logger.Metadata = ["session": "\(event.session)"]
    switch event.kind {
    case .ready: logger.info("ready", metadata: ["endpoint": "\(addresses)"])
    case .stopLatched(let reason):
      logger.notice("stop latched", metadata: ["session": "\(event.session)", "reason": "\(reason)"])
    case .stopCleared: logger.notice("stop cleared", metadata: session)
    case .sessionOpened: logger.info("session opened", metadata: session)
    case .sessionYielded: logger.info("idle session gave its place away", metadata: session)
    case .sessionReleased: logger.notice("session released", metadata: session)
    case .stopForgotten:
      logger.warning(
        "a stop had to be forgotten: every session that is not known begins stopped, until the operator resumes unknown sessions"
      )
    case .unknownSessionsResumed: logger.notice("unknown sessions begin unstopped again")
    case .episodeBegan: logger.debug("episode began", metadata: session)
    case .replyLost: logger.warning("reply lost: the client has gone or does not read", metadata: session)
    case .refused(let error, _):
      logger.debug("refused", metadata: ["session": "\(event.session)", "error": "\(error)"])
    case .denied(let key, let error):
      logger.warning(
        "not permitted", metadata: ["session": "\(event.session)", "key": "\(key)", "error": "\(error)"])
    case .acted, .eventsLost, .stopped: break
    }
  }
}
