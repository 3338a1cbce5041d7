/// An episode's beginning or end, on `/uio2/episode`: what the messages between robot and daemon do not say.
public struct EpisodeMark: Sendable, Hashable, Codable {
  /// What happened.
  public enum Event: String, Sendable, Hashable, Codable {
    case began, ended, lost
  }

  /// What happened.
  public var event: Event
  /// The session whose episode it is.
  public var session: String
  /// The task, as the simulator names it.
  public var task: String
  /// The episode's seed.
  public var seed: Int
  /// Whether the task was solved at any step; of an end.
  public var success: Bool?
  /// Whether the task was solved in the last state; of an end.
  public var successAtEnd: Bool?
  /// Control steps; of an end.
  public var steps: Int?
  /// The sentence that the policy was given; of an end.
  public var instruction: String?

  enum CodingKeys: String, CodingKey {
    case event, session, task, seed, success, steps, instruction
    case successAtEnd = "success_at_end"
  }

  /// Collects the parts.
  public init(
    _ event: Event, session: String, task: String, seed: Int, success: Bool? = nil, successAtEnd: Bool? = nil,
    steps: Int? = nil, instruction: String? = nil
  ) {
    self.event = event
    self.session = session
    self.task = task
    self.seed = seed
    self.success = success
    self.successAtEnd = successAtEnd
    self.steps = steps
    self.instruction = instruction
  }
}

/// Messages that are missing in a recording, on `/uio2/losses`.
public struct RecordingLosses: Sendable, Hashable, Codable {
  /// Why messages were lost.
  public enum Reason: String, Sendable, Hashable, Codable {
    /// They came faster than they could be written.
    case queueFull = "queue_full"
    /// The disk is nearly full: the recording ends here.
    case diskFull = "disk_full"
  }

  /// Why.
  public var reason: Reason
  /// How many.
  public var messages: Int
  /// Their bytes.
  public var bytes: Int
  /// Nanoseconds on the daemon's clock: the first of them.
  public var since: UInt64
  /// Nanoseconds on the daemon's clock: the last of them.
  public var until: UInt64

  enum CodingKeys: String, CodingKey {
    case reason, messages, bytes
    case since = "since_ns"
    case until = "until_ns"
  }

  /// Collects the parts.
  public init(_ reason: Reason, messages: Int, bytes: Int, since: UInt64, until: UInt64) {
    self.reason = reason
    self.messages = messages
    self.bytes = bytes
    self.since = since
    self.until = until
  }
}
