/// A process that publishes something on its own: a camera, an arm.
public struct TopicSource: Sendable, Hashable {
  /// By which it is named wherever it is at fault.
  public var name: String
  /// Nanoseconds: how old its newest sample may be.
  public var maximumAge: UInt64
  /// Nanoseconds: for how long it may say the same again and again; `nil`: for ever, as an arm at rest does.
  public var frozenAfter: UInt64?

  /// Collects the parts.
  public init(_ name: String, maximumAge: UInt64, frozenAfter: UInt64? = nil) {
    self.name = name
    self.maximumAge = maximumAge
    self.frozenAfter = frozenAfter
  }
}

/// Something that a source has said.
public struct TopicSample<Content: Sendable>: Sendable {
  /// Counts up within the life of its source.
  public var sequence: UInt64
  /// Nanoseconds on the machine's monotonic clock: when it was captured.
  public var capturedAt: UInt64
  /// The same for contents that are the same; so that a camera that hangs is found out.
  public var fingerprint: UInt64
  /// What was said.
  public var content: Content

  /// Collects the parts.
  public init(sequence: UInt64, capturedAt: UInt64, fingerprint: UInt64, content: Content) {
    self.sequence = sequence
    self.capturedAt = capturedAt
    self.fingerprint = fingerprint
    self.content = content
  }
}

/// What is wrong with a source.
public struct TopicFault: Error, Sendable, Hashable, CustomStringConvertible {
  /// A closed list; the number says by how much, in nanoseconds.
  public enum Kind: Sendable, Hashable {
    /// It has said nothing yet.
    case missing
    /// Its newest sample is older than it may be, by this.
    case late(by: UInt64)
    /// It has said the same for longer than it may, by this.
    case frozen(by: UInt64)
    /// Its sample nearest to the others' is farther from them than it may be, by this.
    case apart(by: UInt64)
    /// Its clock is not this machine's: what it says was captured after it came, by this.
    case ahead(by: UInt64)
    /// A sample came that is not newer than the last.
    case backwards
    /// Nobody has told of such a source.
    case unknown
    /// Two processes publish as this source at the same time.
    case doubled
    /// What came as its sample is none, for this reason.
    case unreadable(String)

    /// Without how much: the same as long as it is the same fault.
    public var word: String {
      switch self {
      case .missing: "missing"
      case .late: "late"
      case .frozen: "frozen"
      case .apart: "apart"
      case .ahead: "ahead"
      case .backwards: "backwards"
      case .unknown: "unknown"
      case .doubled: "doubled"
      case .unreadable: "unreadable"
      }
    }
  }

  /// Of the source.
  public var source: String
  /// What is wrong.
  public var kind: Kind

  /// Collects the parts.
  public init(_ source: String, _ kind: Kind) {
    self.source = source
    self.kind = kind
  }

  /// A sentence for people.
  public var description: String {
    func time(_ nanoseconds: UInt64) -> String {
      nanoseconds < 10_000_000_000 ? "\(nanoseconds / 1_000_000) ms" : "\(nanoseconds / 1_000_000_000) s"
    }
    return switch kind {
    case .missing: "\(source) has not published yet"
    case .late(let excess): "\(source) is late: its newest sample is \(time(excess)) older than it may be"
    case .frozen(let excess): "\(source) is frozen: it has shown the same for \(time(excess)) longer than it may"
    case .apart(let excess):
      "\(source) is out of step: its nearest sample is \(time(excess)) farther from the others' than it may be"
    case .ahead(let excess): "\(source) has another clock: a sample was captured \(time(excess)) after it came"
    case .backwards: "\(source) went back: a sample is not newer than the last"
    case .unknown: "\(source) is no source of this arm"
    case .doubled: "\(source) is published by two processes at the same time"
    case .unreadable(let reason): "\(source) cannot be read: \(reason)"
    }
  }
}
