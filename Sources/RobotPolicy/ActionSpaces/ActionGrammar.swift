public import RobotInterface
public import UnifiedIO

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
