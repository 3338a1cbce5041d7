import RobotInterface
import WebServer

/// What one client of a foreign format says and is told, on one websocket. A value: it knows neither sockets nor the daemon.
protocol WebDialect: Sendable {
  /// Of the wire, such as `openpi`.
  static var name: String { get }
  /// Of who speaks, for the greeting.
  static var clientName: String { get }

  /// What a client is sent when the connection is open and the policy is warm.
  ///
  /// - Parameter session: by which the daemon knows the connection, for whoever wants to stop it.
  func greeting(_ session: String) -> [WebMessage]
  /// What a client's message means.
  ///
  /// - Parameters:
  ///   - session: as in ``greeting(_:)``.
  ///   - arrivedAt: when the message came, which may be long before now.
  mutating func read(_ message: WebMessage, of session: String, arrivedAt: UInt64, at now: UInt64) -> WebTurn
  /// What a client is sent in answer to an observation.
  ///
  /// - Parameter mark: of the observation.
  mutating func answer(_ body: ReplyMessage.Body, to mark: Int, at now: UInt64) -> [WebMessage]
  /// The session's commands are void: what was kept for later must not be sent any more.
  mutating func void()
}

extension WebDialect {
  func greeting(_ session: String) -> [WebMessage] { [] }
  mutating func void() {}
}

/// What a client's message means.
enum WebTurn: Sendable {
  /// What the robot sees and feels; it may begin an episode.
  case observation(WebObservation)
  /// An episode begins.
  case beginning
  /// Nothing for the daemon: what the client is told.
  case answer([WebMessage])
  /// The message cannot be read: what the client is told.
  case refused([WebMessage])
  /// The client does not speak this format.
  case close(code: Int, reason: String)
}

/// An observation in the policy's terms, without what the connection knows.
struct WebObservation: Sendable {
  var frames: [CameraFrame]
  var state: [Double]
  var instruction: String
  var beginsEpisode = false
  /// What the answer will be asked for by.
  var mark: Int
  /// What is known of the last chunk's execution.
  var execution = ConnectionSession.Execution.unknown
  /// Whether the client's world stands still until it has its answer.
  var clock = RobotClock.monotonic
}
