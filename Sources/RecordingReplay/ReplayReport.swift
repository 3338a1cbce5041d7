import RobotInterface

/// What became of a replay.
public struct ReplayReport: Sendable, Hashable, Encodable {
  /// Where the replayed policy did something else than the recorded one.
  public struct Difference: Sendable, Hashable, Encodable {
    /// Which of the session's observations it is, from 1.
    public var frame: Int
    /// The session.
    public var session: String
    /// Which of the session's episodes, from 1.
    public var episode: Int
    /// The observation's own number in its episode.
    public var sequence: UInt64
    /// Seconds after the beginning of the recording.
    public var seconds: Double
    /// What differs: `answer`, `tokens`, `commands` or `valid_until`.
    public var field: String
    /// As it was recorded.
    public var recorded: String
    /// As it was replayed.
    public var replayed: String
  }

  /// Observations whose answers were compared.
  public var observations = 0
  /// Those whose answers differ.
  public var different = 0
  /// Sessions in which something was compared.
  public var sessions = 0
  /// Episodes in which something was compared.
  public var episodes = 0
  /// Messages that the recording itself counts as missing.
  public var lost = 0
  /// The byte at which the file was cut; `nil`: it is whole.
  public var cutAt: UInt64?
  /// The byte at which the recording ends where others follow that are no part of it; `nil`: none do.
  public var endedAt: UInt64?
  /// The first difference; `nil`: there is none.
  public var first: Difference?

  enum CodingKeys: String, CodingKey {
    case observations, different, sessions, episodes, lost, first
    case cutAt = "cut_at"
    case endedAt = "ended_at"
  }

  /// Nothing compared yet.
  public init() {}

  /// What differs between two answers; `nil`: nothing that a robot would notice.
  static func difference(
    _ recorded: ReplyMessageBody, _ replayed: ReplyMessageBody?
  ) -> (field: String, recorded: String, replayed: String)? {
    guard case .actionChunk(let old) = recorded, case .actionChunk(let new) = replayed else {
      let pair = (answer(recorded), replayed.map(answer) ?? "no answer")
      return pair.0 == pair.1 ? nil : ("answer", pair.0, pair.1)
    }
    if old.tokens != new.tokens { return ("tokens", words(old.tokens), words(new.tokens)) }
    if !isSame(old.actions, new.actions) { return ("commands", words(old.actions), words(new.actions)) }
    if old.validUntil != new.validUntil { return ("valid_until", "\(old.validUntil)", "\(new.validUntil)") }
    return nil
  }

  private static func answer(_ body: ReplyMessageBody) -> String {
    switch body {
    case .actionChunk: "commands"
    case .error(let error): "\(error.code)"
    default: "no commands"
    }
  }

  /// To the bit: commands are made of tokens, and the same tokens make the same.
  private static func isSame(_ old: [Action], _ new: [Action]) -> Bool {
    old.count == new.count
      && zip(old, new).allSatisfy { old, new in
        old.primitive == new.primitive && old.limited == new.limited
          && old.values.map(\.bitPattern) == new.values.map(\.bitPattern)
      }
  }

  private static func words(_ tokens: [Int32]) -> String { tokens.map(String.init).joined(separator: " ") }

  private static func words(_ actions: [Action]) -> String {
    actions.map { action in
      let kind = action.primitive.isEmpty ? "" : action.primitive + " "
      let limited = action.limited.isEmpty ? "" : " limited \(action.limited.rawValue)"
      return "[" + kind + action.values.map { "\($0)" }.joined(separator: " ") + limited + "]"
    }.joined(separator: " ")
  }
}
