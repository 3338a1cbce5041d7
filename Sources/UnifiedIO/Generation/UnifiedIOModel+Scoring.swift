import Tensors

/// How unlikely the decoder finds a text that it was given, token by token.
public struct TextLoss: Sendable, Hashable {
  /// `−log p` of each token given those before it, EOS included.
  public var tokenLosses: [Float]

  /// - Parameter tokenLosses: `−log p` of each token.
  public init(tokenLosses: [Float]) {
    self.tokenLosses = tokenLosses
  }

  /// `−log p` of the whole text; lower is more probable. The JAX original compares options by this.
  public var sum: Float { tokenLosses.reduce(0, +) }

  /// ``sum`` over the number of tokens, so that long texts may win; 0 for no tokens. The released runner compares options by this.
  public var average: Float { tokenLosses.isEmpty ? 0 : sum / Float(tokenLosses.count) }
}

/// Which of the two figures of a ``TextLoss`` options are compared by.
public enum LossReduction: String, Sendable, Hashable, CaseIterable {
  /// ``TextLoss/average``.
  case average
  /// ``TextLoss/sum``.
  case sum
}

extension TextLoss {
  /// The figure that is compared; lower is better.
  public func reduced(_ reduction: LossReduction) -> Float { reduction == .average ? average : sum }
}

extension UnifiedIOModel {
  /// The teacher-forced loss of a text target: the cross entropy of each token while the target itself is fed.
  ///
  /// - Throws: ``ModelError`` when the checkpoint does not write text, a token is outside the vocabulary, or there are more
  ///   tokens than positions.
  public func loss(of target: TextTarget, given encoded: EncodedInput) throws(ModelError) -> TextLoss {
    try score(options: [target.tokens], given: encoded)[0]
  }

  /// The loss of every option, as the reference's `score_answer_options` computes it.
  ///
  /// - Parameters:
  ///   - options: ids with EOS and without BOS; what follows the first 0 is padding and not scored.
  ///   - encoded: the example, encoded once for all options.
  ///   - onOption: called with the number of options scored so far; `false` ends the scoring there.
  /// - Returns: one entry an option, fewer when `onOption` wanted no more.
  /// - Throws: as ``loss(of:given:)``; `.invalidInput` for an option without tokens, `.nonFinite` when a logit is not finite.
  public func score(
    options: [[Int32]], given encoded: EncodedInput, onOption: ((Int) -> Bool)? = nil
  ) throws(ModelError) -> [TextLoss] {
    let target = try target(.text)
    // Its cross-attention memory is shared by the copies.
    let beginning = makeDecoderState(for: encoded, capacity: 16)
    var losses: [TextLoss] = []
    for option in options {
      let tokens = Array(option.prefix { $0 != Tokenizer.pad })
      guard !tokens.isEmpty else {
        throw ModelError(.invalidInput, "option \(losses.count + 1)", "has no tokens to score")
      }
      guard let last = tokens.last, last >= 0, last < target.embedding.rows else {
        throw ModelError(.tokenOutOfRange, "option \(losses.count + 1)", "ends with an id outside the vocabulary")
      }
      var state = beginning
      let fed = TextTarget(tokens: tokens).decoderInput
      let logits = target.logits(try advance(&state, tokens: fed, target: target))
      guard logits.isFinite else { throw .nonFinite("logits of option \(losses.count + 1)") }
      losses.append(TextLoss(tokenLosses: tokens.enumerated().map { logits.crossEntropy(row: $0, target: Int($1)) }))
      if onOption?(losses.count) == false { break }
    }
    return losses
  }
}

extension Tensor {
  /// `−log softmax` of one entry of a row; the caller has checked `target`.
  fileprivate func crossEntropy(row: Int, target: Int) -> Float {
    logSumExp(row: row) - withSpan { $0[row * columns + target] }
  }
}
