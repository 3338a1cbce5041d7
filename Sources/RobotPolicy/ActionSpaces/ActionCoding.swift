public import RobotInterface
public import UnifiedIO

/// What a policy's answers mean: how many numbers, of which units, in which tokens.
public protocol ActionCoding: Sendable {
  /// The values of an action, in order.
  var quantities: [Capabilities.Quantity] { get }
  /// Actions in an answer at most.
  var maximumActions: Int { get }
  /// The grammar of the answers in a vocabulary.
  ///
  /// - Throws: ``PolicyError`` `.incompatibleModel` when the vocabulary cannot write the answers.
  func grammar(for tokenizer: some TextTokenizing) throws(PolicyError) -> any ActionGrammar
}

/// Holds a decoder to answers that are actions, and reads them.
public protocol ActionGrammar: TokenConstraint {
  /// The longest answer, EOS included.
  var maximumTokens: Int { get }
  /// Reads a complete answer.
  ///
  /// - Parameter tokens: the decoder's tokens without BOS; a final EOS may be missing.
  /// - Returns: at least one action with values inside the ranges of the action space.
  /// - Throws: ``RobotError`` `.invalidAction` for anything that is not a whole answer, a truncated one included.
  func actions(from tokens: [Int32]) throws(RobotError) -> [Action]
}

extension RobotError {
  /// The answer cannot be turned into actions.
  static func invalidAnswer(_ message: String) -> RobotError { RobotError(.invalidAction, "answer", message) }
}
