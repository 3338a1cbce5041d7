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
  /// - Throws: ``ModelError`` when the options or the constraint ask for what the checkpoint does not have.
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
    let target = try target(modality)
    let limit = min(options.maximumTokens, target.rotary.count)
    var state = makeDecoderState(for: encoded, capacity: min(limit, 64))
    var sampler = TokenSampler(options)
    var tokens: [Int32] = []
    // Chosen but not yet fed; fed together when the next logits are needed.
    var pending = [Tokenizer.bos]
    var probabilities: [Double] = []
    var logProbability = 0.0
    var sampled = 0

    func answer(_ reason: TextGeneration.FinishReason) -> TextGeneration {
      TextGeneration(
        tokens: tokens, finishReason: reason, confidence: sampled == 0 ? 1 : exp(logProbability / Double(sampled)),
        probabilities: probabilities)
    }

    while tokens.count < limit {
      let everything = [0..<Int32(target.embedding.rows)]
      let choice = constraint?.choice(after: tokens) ?? .among(everything)
      switch choice {
      case .end:
        return answer(.end)
      case .forced(let token):
        tokens.append(token)
        pending.append(token)
        probabilities.append(1)
      case .among(let ranges):
        let candidates = try candidates(ranges, of: target)
        let hidden = try advance(&state, tokens: pending, target: target)
        let last = hidden.rows(in: hidden.rows - 1..<hidden.rows)
        var row = LogitsRow(ranges: ranges, values: candidates.flatMap { target.logits(last, among: $0).values })
        for (token, bias) in options.logitBias { row.add(bias, to: token) }
        processor?.process(&row, after: tokens)
        let pick = sampler.pick(row.values)
        logProbability += log(max(pick.probability, .leastNormalMagnitude))
        sampled += 1
        let token = row.token(at: pick.index) ?? Tokenizer.eos
        tokens.append(token)
        pending = [token]
        probabilities.append(pick.probability)
      }
      let wantsMore = onToken?(GenerationStep(token: tokens.last ?? Tokenizer.eos, count: tokens.count, limit: limit))
      // In the image and audio vocabularies 1 is an id like any other.
      if constraint == nil, modality == .text, tokens.last == Tokenizer.eos { return answer(.end) }
      if wantsMore == false { return answer(.stopped) }
    }
    if constraint?.choice(after: tokens) == .end { return answer(.end) }
    return answer(.length)
  }

  private func candidates(_ ranges: [Range<Int32>], of target: TargetEmbedder) throws(ModelError) -> [Range<Int>] {
    let candidates = ranges.filter { !$0.isEmpty }.map { Int($0.lowerBound)..<Int($0.upperBound) }
    guard !candidates.isEmpty, candidates.allSatisfy({ $0.lowerBound >= 0 && $0.upperBound <= target.embedding.rows })
    else {
      throw ModelError(
        .tokenOutOfRange, "constraint",
        "allows \(ranges), which must be non-empty and below the vocabulary size \(target.embedding.rows)")
    }
    return candidates
  }
}
