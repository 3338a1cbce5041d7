public import RobotInterface
import UnifiedIO

/// A chunk of commands of N numbers each, written as N location tokens a command, one command after the other.
public struct ContinuousActionSpace: ActionCoding {
  /// The numbers of a command with their units and ranges.
  public let quantities: [Capabilities.Quantity]
  /// Commands in every chunk.
  public let maximumActions: Int
  private let codecs: [LocationCodec]

  /// - Parameter specification: from a `policy.json`.
  public init(_ specification: PolicySpecification.Continuous) {
    maximumActions = specification.chunkLength
    quantities = specification.dimensions.map {
      Capabilities.Quantity(name: $0.name, unit: $0.unit, minimum: $0.minimum, maximum: $0.maximum)
    }
    codecs = specification.dimensions.map { LocationCodec(range: $0.minimum...$0.maximum) }
  }

  /// The grammar of the chunk: exactly as many location tokens as it has numbers.
  public func grammar(for tokenizer: some TextTokenizing) throws(PolicyError) -> any ActionGrammar {
    Grammar(
      locations: tokenizer.locationTokens, codecs: codecs, actionCount: maximumActions,
      bin: { tokenizer.locationBin(of: $0) })
  }

  /// The bins of a chunk, command after command: the inverse of reading an answer.
  ///
  /// - Parameter actions: order and units of ``quantities``; values outside their range are clipped.
  /// - Throws: ``RobotError`` `.invalidAction` for a wrong count, NaN or infinity.
  public func bins(of actions: [Action]) throws(RobotError) -> [Int] {
    guard actions.count == maximumActions else {
      throw .invalidAnswer("expected \(maximumActions) actions, found \(actions.count)")
    }
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

  private struct Grammar: ActionGrammar {
    let locations: Range<Int32>
    let codecs: [LocationCodec]
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
            throw .invalidAnswer(
              "expected a location token at \(first + offset), found token \(answer[first + offset])")
          }
          values.append(codec.value(of: bin))
        }
        actions.append(Action(values: values))
      }
      return actions
    }
  }
}
