package import RobotInterface

/// What a policy's answers mean, what they do to a robot, and which of them it may be told.
///
/// `action_space.type` of `policy.json` says which kind a policy has (``ActionSpaceRegistry``). All that is particular
/// to a kind is in its own folder; the rest of a policy knows spaces by this protocol alone.
package protocol ActionSpace: Sendable, Hashable, Encodable {
  /// The value of `action_space.type`.
  static var type: String { get }
  /// The keys of `action_space` beside `type`.
  static var keys: [String] { get }
  /// Reads the keys of `action_space`, without `type`.
  init(_ field: JSONField) throws(PolicyError)

  // MARK: What robots are told

  /// The values of an action, in order.
  var quantities: [Capabilities.Quantity] { get }
  /// The limits that single values have of their own.
  var dimensionLimits: [Capabilities.DimensionLimits] { get }
  /// Names of ``quantities`` that nothing but their range bounds, on purpose.
  var unlimitedDimensions: [String] { get }
  /// Actions in an answer at most.
  var maximumActions: Int { get }
  /// The frame that the values are in, e.g. `base`.
  var frameName: String { get }
  /// How a robot has to take the values, e.g. `delta`.
  var modeName: String { get }
  /// What a robot does without a fresh command; `control.hold` must say the same.
  var hold: PolicySpecification.Control.Hold { get }
  /// The commands in a word or two, for messages.
  var commandName: String { get }

  // MARK: Coding

  /// The grammar of the answers in a vocabulary.
  ///
  /// - Throws: ``PolicyError`` `.incompatibleModel` when the vocabulary cannot write the answers.
  func grammar(for tokenizer: some TextTokenizing) throws(PolicyError) -> any ActionGrammar

  // MARK: Rules

  /// The first rule between the space and the rest of its policy that is broken; `nil` when they agree.
  ///
  /// A limit that cannot be enforced breaks a rule.
  func inconsistency(in policy: PolicySpecification) -> Inconsistency?
  /// Keeps the commands inside the limits of a policy.
  func limiter(in policy: PolicySpecification) -> any ActionLimiter
  /// Tells the commands that move the robot from those that let it rest.
  func motion(in policy: PolicySpecification) -> any ActionMotion
}

/// Keeps the commands of one policy inside its limits.
package protocol ActionLimiter: Sendable {
  /// Limits a chunk, under the rules of ``SafetyEnvelope``.
  ///
  /// - Parameters:
  ///   - actions: each with as many finite values as the space has quantities.
  ///   - proprioception: what the robot measured when the chunk was asked for; order and units of the policy.
  ///   - pending: earlier commands that the robot may still execute, each with as many finite values.
  /// - Throws: as ``SafetyEnvelope/limit(_:proprioception:pending:skipsExecuted:)``.
  func limit(_ actions: [Action], proprioception: [Double], pending: PendingActions) throws(RobotError) -> [Action]
}

/// Earlier commands that the robot may still execute before it begins a chunk.
package struct PendingActions: Sendable {
  /// Of which it executes any one, or the beginning of any one.
  package var sequences: [[Action]]
  /// Whether it then leaves out as many commands of the chunk; otherwise it begins with the first.
  package var skipsExecuted: Bool

  package init(_ sequences: [[Action]], skipsExecuted: Bool) {
    self.sequences = sequences
    self.skipsExecuted = skipsExecuted
  }
}

/// Tells commands that move a robot, so that its cameras must see something change, from those that let it rest.
package protocol ActionMotion: Sendable {
  /// Whether a chunk moves the robot.
  ///
  /// - Parameters:
  ///   - actions: of the policy's action space.
  ///   - proprioception: what the robot measured before it.
  ///   - last: the last command before it, if any.
  func moves(_ actions: [Action], proprioception: [Double], last: Action?) -> Bool
}
