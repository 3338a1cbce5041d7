/// A vocabulary with 1000 location tokens, as an action space needs it; `UnifiedIO.Tokenizer` is one.
public protocol TextTokenizing: Sendable {
  /// The token ids of a text, without begin and end of sequence.
  func encode(_ text: String) -> [Int32]
  /// The text of token ids.
  func decode(_ tokens: [Int32]) -> String
  /// The ids of all location tokens.
  var locationTokens: Range<Int32> { get }
  /// The id of a location bin, 0...999.
  func locationToken(bin: Int) -> Int32
  /// The bin of a location token; `nil` for any other token.
  func locationBin(of token: Int32) -> Int?
}

/// Ids that every Unified-IO 2 vocabulary shares.
package enum SpecialToken {
  /// Ends an answer.
  package static let endOfSequence: Int32 = 1
}
