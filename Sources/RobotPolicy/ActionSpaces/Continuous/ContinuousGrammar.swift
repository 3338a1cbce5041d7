import RobotInterface
import UnifiedIO

/// Answers of exactly as many location tokens as a chunk has numbers.
struct ContinuousGrammar: ActionGrammar {
  let locations: Range<Int32>
  /// One a number of a command.
  let codecs: [LocationCodec]
  /// Commands in a chunk.
  let actionCount: Int
  let bin: @Sendable (Int32) -> Int?

  private var count: Int { codecs.count * actionCount }
  var maximumTokens: Int { count + 1 }

  func choice(after tokens: [Int32]) -> TokenChoice {
    tokens.count < count ? .among([locations]) : .end
  }

  func actions(from tokens: [Int32]) throws(RobotError) -> [Action] {
    let answer = tokens.last == SpecialToken.endOfSequence ? tokens.dropLast() : tokens[...]
    guard answer.count == count else {
      throw .invalidAnswer("expected \(count) location tokens, found \(answer.count) tokens")
    }
    var actions: [Action] = []
    for first in stride(from: 0, to: count, by: codecs.count) {
      var values: [Double] = []
      for (offset, codec) in codecs.enumerated() {
        guard let bin = bin(answer[first + offset]) else {
          throw .invalidAnswer("expected a location token at \(first + offset), found token \(answer[first + offset])")
        }
        values.append(codec.value(of: bin))
      }
      actions.append(Action(values: values))
    }
    return actions
  }
}
