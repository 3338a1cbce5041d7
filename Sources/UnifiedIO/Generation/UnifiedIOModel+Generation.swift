import Foundation
import Tensors

extension UnifiedIOModel {
  /// Lets the decoder answer in text.
  ///
  /// With a constraint, forced tokens are fed in one pass without logits and never sampled, and logits are computed for the
  /// allowed tokens alone; the answer therefore always obeys the constraint's grammar.
  ///
  /// - Parameters:
  ///   - constraint: a grammar over the ids.
  ///   - processor: sees the logits before a token is picked.
  ///   - onToken: called after each token; `false` ends the answer there.
  /// - Throws: ``ModelError`` when the options or the constraint ask for what the checkpoint does not have; `.nonFinite` when a
  ///   logit or a probability is not finite.
  public func generateText(
    from encoded: EncodedInput, options: GenerationOptions = .greedy, constraint: (any TokenConstraint)? = nil,
    processor: (any LogitsProcessor)? = nil, onToken: GenerationObserver? = nil
  ) throws(ModelError) -> TextGeneration {
    try generate(
      .text, from: encoded, options: options, constraint: constraint, processor: processor, onToken: onToken)
  }

  /// Lets the decoder answer with tokens of any target modality; as
  /// ``generateText(from:options:constraint:processor:onToken:)``.
  public func generate(
    _ modality: TargetModality, from encoded: EncodedInput, options: GenerationOptions = .greedy,
    constraint: (any TokenConstraint)? = nil, processor: (any LogitsProcessor)? = nil,
    onToken: GenerationObserver? = nil
  ) throws(ModelError) -> TextGeneration {
    let observer: ((Int, GenerationStep) -> Bool)? = onToken.map { observe in { _, step in observe(step) } }
    return try generate(
      modality, from: [encoded], options: options, constraint: constraint, processor: processor, onToken: observer)[0]
  }

  /// An answer in text to every example; as ``generateText(from:options:constraint:processor:onToken:)`` for one after the other with
  /// the same options, but the decoder reads its weights once for all of them.
  ///
  /// - Parameter onToken: is told which example the token is of; `false` ends that answer.
  public func generateText(
    from examples: [EncodedInput], options: GenerationOptions = .greedy, constraint: (any TokenConstraint)? = nil,
    processor: (any LogitsProcessor)? = nil, onToken: ((_ example: Int, GenerationStep) -> Bool)? = nil
  ) throws(ModelError) -> [TextGeneration] {
    try generate(
      .text, from: examples, options: options, constraint: constraint, processor: processor, onToken: onToken)
  }

  private func generate(
    _ modality: TargetModality, from examples: [EncodedInput], options: GenerationOptions,
    constraint: (any TokenConstraint)?, processor: (any LogitsProcessor)?,
    onToken: ((_ example: Int, GenerationStep) -> Bool)?
  ) throws(ModelError) -> [TextGeneration] {
    let target = try target(modality)
    var answers = examples.indices.map { index in
      AnswerInProgress(
        target, options: options, constraint: constraint, processor: processor,
        onToken: onToken.map { observe in { observe(index, $0) } })
    }
    var states: [DecoderState] = []
    // Which answer each state belongs to.
    var open: [Int] = []
    for (index, encoded) in examples.enumerated() {
      try answers[index].takeForcedTokens()
      guard answers[index].finishReason == nil else { continue }
      states.append(makeDecoderState(for: encoded, capacity: min(answers[index].limit, 64)))
      open.append(index)
    }
    while !open.isEmpty {
      let fed = open.map { answers[$0].pending }
      let hidden = try advance(&states, tokens: fed, target: target)
      var row = -1
      for (place, index) in open.enumerated() {
        row += fed[place].count
        try answers[index].pick(from: hidden.rows(in: row..<row + 1))
        try answers[index].takeForcedTokens()
      }
      let stays = open.map { answers[$0].finishReason == nil }
      if stays.contains(false) {
        states = zip(states, stays).compactMap { $1 ? $0 : nil }
        open = zip(open, stays).compactMap { $1 ? $0 : nil }
      }
    }
    return answers.map(\.answer)
  }
}
