package import RobotInterface
import UnifiedIO

/// A chunk of commands of N numbers each, written as N location tokens a command, one command after the other.
package struct ContinuousActionSpace: ActionSpace {
  /// The value of `action_space.type`.
  package static let type = "continuous"
  /// The keys of `action_space` beside `type`.
  package static let keys = CodingKeys.allCases.map(\.rawValue)

  /// What a command's numbers are relative to.
  package enum Mode: String, Encodable, Sendable, Hashable, CaseIterable {
    /// Steps from where the robot is.
    case delta
    /// Positions.
    case absolute
  }

  /// The axes of translations and rotations.
  package enum Frame: String, Encodable, Sendable, Hashable, CaseIterable {
    /// The robot's base, in which proprioception and workspace are given too.
    case base
    /// The tool as it points when the command begins.
    case endEffector = "end_effector"
  }

  /// Commands in a chunk, 1...64.
  package let chunkLength: Int
  /// The axes of translations and rotations.
  package let frame: Frame
  /// What the numbers are relative to.
  package let mode: Mode
  /// The numbers of a command, in order.
  package let dimensions: [Dimension]

  package enum CodingKeys: String, CodingKey, CaseIterable {
    case chunkLength = "chunk_length"
    case frame, mode, dimensions
  }

  /// Reads the keys of `action_space`.
  package init(_ field: JSONField) throws(PolicyError) {
    let object = try field.object(CodingKeys.self)
    chunkLength = try object.required(.chunkLength).integer(in: 1...64)
    frame = try object.required(.frame).choice()
    mode = try object.required(.mode).choice()
    var dimensions: [Dimension] = []
    for field in try object.required(.dimensions).elements() { dimensions.append(try Dimension(field)) }
    self.dimensions = dimensions
  }

  /// Whether a dimension's commands are steps; a gripper's never are.
  func isStep(_ dimension: Dimension) -> Bool { mode == .delta && dimension.role != .gripper }

  // MARK: What robots are told

  /// The numbers of a command with their units and ranges.
  package var quantities: [Capabilities.Quantity] {
    dimensions.map {
      Capabilities.Quantity(name: $0.name, unit: $0.unit, minimum: $0.minimum, maximum: $0.maximum)
    }
  }

  /// The limits that dimensions have of their own.
  package var dimensionLimits: [Capabilities.DimensionLimits] {
    dimensions.compactMap { dimension in
      dimension.ownLimits.map {
        Capabilities.DimensionLimits(
          name: dimension.name, position: $0.position, maximumRate: $0.maximumRate, maximumJump: $0.maximumJump)
      }
    }
  }

  /// The dimensions that nothing bounds, on purpose.
  package var unlimitedDimensions: [String] { dimensions.filter(\.isUnlimited).map(\.name) }

  /// Commands in every chunk.
  package var maximumActions: Int { chunkLength }
  /// `base` or `end_effector`.
  package var frameName: String { frame.rawValue }
  /// `delta` or `absolute`.
  package var modeName: String { mode.rawValue }
  /// A step of nothing holds still; so does the last position.
  package var hold: PolicySpecification.Control.Hold { mode == .delta ? .zero : .repeat }
  /// For messages.
  package var commandName: String { mode == .delta ? "deltas" : "absolute commands" }

  // MARK: Coding

  /// The grammar of the chunk: exactly as many location tokens as it has numbers.
  package func grammar(for tokenizer: some TextTokenizing) throws(PolicyError) -> any ActionGrammar {
    ContinuousGrammar(
      locations: tokenizer.locationTokens, codecs: codecs, actionCount: chunkLength,
      bin: { tokenizer.locationBin(of: $0) })
  }

  /// The bins of a chunk, command after command: the inverse of reading an answer.
  ///
  /// - Parameter actions: order and units of ``quantities``; values outside their range are clipped.
  /// - Throws: ``RobotError`` `.invalidAction` for a wrong count, NaN or infinity.
  package func bins(of actions: [Action]) throws(RobotError) -> [Int] {
    guard actions.count == chunkLength else {
      throw .invalidAnswer("expected \(chunkLength) actions, found \(actions.count)")
    }
    let codecs = codecs
    var bins: [Int] = []
    for (index, action) in actions.enumerated() {
      guard action.values.count == codecs.count else {
        throw .invalidAnswer("expected \(codecs.count) values in action \(index), found \(action.values.count)")
      }
      for (value, codec) in zip(action.values, codecs) {
        guard let bin = codec.bin(of: value) else {
          throw .invalidAnswer("expected finite values in action \(index), found \(value)")
        }
        bins.append(bin)
      }
    }
    return bins
  }

  private var codecs: [LocationCodec] { dimensions.map { LocationCodec(range: $0.minimum...$0.maximum) } }

  // MARK: Rules

  /// Keeps the commands inside the limits of a policy.
  package func limiter(in policy: PolicySpecification) -> any ActionLimiter { ContinuousLimiter(self, in: policy) }

  /// Tells the commands that move the robot from those that let it rest.
  package func motion(in policy: PolicySpecification) -> any ActionMotion { ContinuousMotion(self, in: policy) }
}
