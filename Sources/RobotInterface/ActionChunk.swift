/// What the safety envelope changed in an action; raw values are those of `LimitFlag` on the wire.
public struct LimitFlags: OptionSet, Sendable, Hashable {
  /// A bit a flag.
  public let rawValue: UInt32
  /// Flags by their bits; unknown ones too.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// A component lay outside its declared range.
  public static let range = LimitFlags(rawValue: 1)
  /// The end effector would have left the workspace box.
  public static let workspace = LimitFlags(rawValue: 2)
  /// The end effector would have moved faster than allowed.
  public static let speed = LimitFlags(rawValue: 4)
  /// The end effector would have turned faster than allowed.
  public static let rotationRate = LimitFlags(rawValue: 8)
  /// The command lay too far from the measured pose, or from the measured value of its dimension.
  public static let jump = LimitFlags(rawValue: 16)
  /// A dimension would have left its own position range.
  public static let position = LimitFlags(rawValue: 32)
  /// A dimension would have changed faster than its own limit allows.
  public static let rate = LimitFlags(rawValue: 64)

  /// Every flag alone, in the order of the wire.
  public static let single: [LimitFlags] = [.range, .workspace, .speed, .rotationRate, .jump, .position, .rate]
  /// Their names, in the same order.
  public static let names = ["range", "workspace", "speed", "rotation_rate", "jump", "position", "rate"]
}

/// One command, in physical units.
public struct Action: Sendable, Hashable {
  /// The kind of movement when the action space has several (`pick_and_place`, `push`); empty for continuous commands.
  public var primitive: String
  /// Order and units of ``Capabilities/actions``.
  public var values: [Double]
  /// Empty: exactly what the model said.
  public var limited: LimitFlags

  /// Collects the parts.
  public init(values: [Double], limited: LimitFlags = [], primitive: String = "") {
    self.values = values
    self.limited = limited
    self.primitive = primitive
  }
}

/// The stages of one control step, in the order in which they run. Raw values are those of `Stage` on the wire.
public enum Stage: UInt32, Sendable, Hashable, CaseIterable {
  /// From the request's arrival until somebody works on it.
  case queue = 1
  /// Pictures and sound from their files.
  case decode = 2
  /// What is decoded, made ready for the model; the prompt's tokens.
  case preprocess = 3
  /// The vision transformer.
  case vision = 4
  /// The encoder.
  case encode = 5
  /// The answer, token by token.
  case generate = 6
  /// Tokens into commands, and the limits.
  case post = 7

  /// In reports.
  public var name: String {
    switch self {
    case .queue: "queue"
    case .decode: "decode"
    case .preprocess: "preprocess"
    case .vision: "vision"
    case .encode: "encode"
    case .generate: "generate"
    case .post: "post"
    }
  }
}

/// How long each stage took, in nanoseconds.
public struct StageTimings: Sendable, Hashable {
  /// Those that were measured.
  public private(set) var durations: [Stage: UInt64] = [:]

  /// Nothing measured.
  public init() {}

  /// A stage's time; 0 when it was not measured.
  public subscript(stage: Stage) -> UInt64 {
    get { durations[stage] ?? 0 }
    set { durations[stage] = newValue }
  }

  /// The sum over all stages, nanoseconds.
  public var total: UInt64 { durations.values.reduce(0, &+) }
}

/// The daemon's answer to an observation: what to do next, and until when that may be begun.
public struct ActionChunk: Sendable, Hashable {
  /// Echo of ``Observation/sequence``.
  public var observationSequence: UInt64
  /// Echo of ``Observation/capturedAt``.
  public var capturedAt: UInt64
  /// Nanoseconds on the robot's clock; no action of the chunk may begin after it.
  public var validUntil: UInt64
  /// One a control period, the first one first.
  public var actions: [Action]
  /// The decoder's token ids, without BOS.
  public var tokens: [Int32]
  /// ``tokens`` as text.
  public var text: String
  /// Geometric mean of the probabilities of the sampled tokens among the allowed ones, 0...1.
  public var confidence: Double
  /// What the robot waited for: the stages of all observations that were answered together with its own.
  public var timings: StageTimings
  /// ``Capabilities/policyDigest`` of the policy that made the chunk; a robot that agreed with another one does not move.
  public var policyDigest: String
  /// Nanoseconds: how old the observation was at most when the chunk left the daemon, on the clock that the robot named.
  public var observationAge: UInt64

  /// Collects the parts.
  public init(
    observationSequence: UInt64, capturedAt: UInt64, validUntil: UInt64, actions: [Action], tokens: [Int32],
    text: String, confidence: Double, timings: StageTimings, policyDigest: String = "", observationAge: UInt64 = 0
  ) {
    self.observationSequence = observationSequence
    self.capturedAt = capturedAt
    self.validUntil = validUntil
    self.actions = actions
    self.tokens = tokens
    self.text = text
    self.confidence = confidence
    self.timings = timings
    self.policyDigest = policyDigest
    self.observationAge = observationAge
  }
}
