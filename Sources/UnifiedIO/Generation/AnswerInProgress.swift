import Foundation
import Tensors

/// One answer while it is being generated: what was said, and what is to be decided next.
///
/// It knows no decoder, so that one loop can serve one example or many.
struct AnswerInProgress {
  private let target: TargetEmbedder
  private let options: GenerationOptions
  private let constraint: (any TokenConstraint)?
  private let processor: (any LogitsProcessor)?
  private let onToken: GenerationObserver?
  let limit: Int
  private var sampler: TokenSampler
  private var tokens: [Int32] = []
  /// Chosen but not yet fed; fed together when the next logits are needed.
  private(set) var pending = [Tokenizer.bos]
  private var ranges: [Range<Int32>] = []
  private var probabilities: [Double] = []
  private var logProbability = 0.0
  private var sampled = 0
  /// Why the answer is complete; `nil` as long as it is not.
  private(set) var finishReason: TextGeneration.FinishReason?

  init(
    _ target: TargetEmbedder, options: GenerationOptions, constraint: (any TokenConstraint)?,
    processor: (any LogitsProcessor)?, onToken: GenerationObserver?
  ) {
    self.target = target
    self.options = options
    self.constraint = constraint
    self.processor = processor
    self.onToken = onToken
    limit = min(options.maximumTokens, target.rotary.count)
    sampler = TokenSampler(options)
  }

  var answer: TextGeneration {
    TextGeneration(
      tokens: tokens, finishReason: finishReason ?? .stopped,
      confidence: sampled == 0 ? 1 : exp(logProbability / Double(sampled)), probabilities: probabilities)
  }

  /// Takes the tokens that the constraint forces, until logits are needed or the answer is complete.
  ///
  /// - Throws: ``ModelError`` when the constraint allows what the vocabulary does not have.
  mutating func takeForcedTokens() throws(ModelError) {
    while finishReason == nil {
      guard tokens.count < limit else {
        finishReason = constraint?.choice(after: tokens) == .end ? .end : .length
        return
      }
      switch constraint?.choice(after: tokens) ?? .among([0..<Int32(target.embedding.rows)]) {
      case .end:
        finishReason = .end
      case .forced(let token):
        pending.append(token)
        append(token, probability: 1)
      case .among(let ranges):
        self.ranges = ranges.filter { !$0.isEmpty }
        guard !self.ranges.isEmpty,
          self.ranges.allSatisfy({ $0.lowerBound >= 0 && $0.upperBound <= target.embedding.rows })
        else {
          throw ModelError(
            .tokenOutOfRange, "constraint",
            "allows \(ranges), which must be non-empty and below the vocabulary size \(target.embedding.rows)")
        }
        return
      }
    }
  }

  /// Picks the next token, given the decoder's hidden state after ``pending`` was fed, `[1, embedding]`.
  ///
  /// - Throws: ``ModelError`` `.nonFinite` when a logit, or the probability of the token, is not finite.
  mutating func pick(from hidden: Tensor) throws(ModelError) {
    // Logits of the allowed ids alone.
    let values = ranges.flatMap { target.logits(hidden, among: Int($0.lowerBound)..<Int($0.upperBound)).values }
    guard values.isFinite else { throw .nonFinite("logits of token \(tokens.count + 1)") }
    var row = LogitsRow(ranges: ranges, values: values)
    for (token, bias) in options.logitBias { row.add(bias, to: token) }
    processor?.process(&row, after: tokens)
    let pick = try sampler.pick(row.values)
    logProbability += log(max(pick.probability, .leastNormalMagnitude))
    sampled += 1
    let token = row.token(at: pick.index) ?? Tokenizer.eos
    pending = [token]
    append(token, probability: pick.probability)
  }

  private mutating func append(_ token: Int32, probability: Double) {
    tokens.append(token)
    probabilities.append(probability)
    let wantsMore = onToken?(GenerationStep(token: token, count: tokens.count, limit: limit))
    // In the image and audio vocabularies 1 is an id like any other.
    if constraint == nil, target.modality == .text, token == Tokenizer.eos {
      finishReason = .end
    } else if wantsMore == false {
      finishReason = .stopped
    }
  }
}
