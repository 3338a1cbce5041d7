import Tensors

/// Classifier-free guidance: every token is picked by how much likelier the prompt makes it than another prompt does.
///
/// Scores are `(1 + scale) · log p(token | prompt) − scale · log p(token | negative)`; both decoders are fed the token picked.
public struct Guidance: Sendable {
  /// The encoded negative prompt, with the same modality's prefix.
  public let negative: EncodedInput
  /// 0: no guidance; the release uses 10 for pictures.
  public var scale: Float

  public init(negative: EncodedInput, scale: Float = 10) {
    self.negative = negative
    self.scale = scale
  }

  /// What the release takes for the negative prompt; the modality's prefix comes before it.
  public static func negativePrompt(for modality: TargetModality) -> String {
    modality == .audio ? "A video of a random audio." : "An image of a random picture."
  }

  /// The release's scale: 10 for a picture from words alone, otherwise 0.
  ///
  /// - Parameter isTextOnly: whether the model is shown and played nothing.
  public static func standardScale(for modality: TargetModality, isTextOnly: Bool) -> Float {
    modality == .image && isTextOnly ? 10 : 0
  }

  /// The scores of all tokens.
  ///
  /// - Parameters:
  ///   - logits: given the prompt, `[1, vocabulary]`.
  ///   - negative: given the negative prompt, `[1, vocabulary]`.
  package static func scores(logits: Tensor, negative: Tensor, scale: Float) -> [Float] {
    let normalizer = logits.logSumExp(row: 0), negativeNormalizer = negative.logSumExp(row: 0)
    return zip(logits.values, negative.values).map {
      (1 + scale) * ($0 - normalizer) - scale * ($1 - negativeNormalizer)
    }
  }
}

extension GenerationOptions {
  /// What the reference samples pictures and sound with unless told otherwise: top-p 0.95, temperature 1.
  public static let media = GenerationOptions(maximumTokens: .max, temperature: 1, topP: 0.95)
}

extension UnifiedIOModel {
  /// All tokens of a picture or a segment of sound; there is no end token, 1 is an id like any other.
  ///
  /// - Parameters:
  ///   - modality: `.image` or `.audio`.
  ///   - options: ``GenerationOptions/maximumTokens`` cuts the answer short; a whole one is needed for a picture.
  ///   - progress: called with the number of tokens after each; an error that it throws ends the generation.
  /// - Returns: without BOS.
  /// - Throws: ``ModelError`` when the checkpoint does not write the modality; `.invalidInput` for text or a negative scale;
  ///   `.nonFinite` when a logit is not finite.
  public func generateTokens(
    _ modality: TargetModality, from encoded: EncodedInput, guidance: Guidance? = nil,
    options: GenerationOptions = .media, progress: (Int) throws(ModelError) -> Void = { _ in }
  ) throws(ModelError) -> [Int32] {
    guard modality != .text else {
      throw ModelError(.invalidInput, "modality", "text has no fixed length; use generateText")
    }
    if let scale = guidance?.scale, !(scale >= 0 && scale.isFinite) {
      throw ModelError(.invalidInput, "guidance", "the scale must be a number from 0 up, found \(scale)")
    }
    let target = try target(modality), count = target.rotary.count
    // The negative prompt's decoder goes along as a second example.
    let prompts = [encoded] + (guidance.map { [$0.negative] } ?? [])
    var states = prompts.map { makeDecoderState(for: $0, capacity: count) }
    var sampler = TokenSampler(options)
    var tokens: [Int32] = []
    tokens.reserveCapacity(count)
    for _ in 0..<min(count, max(options.maximumTokens, 0)) {
      let fed = [tokens.last ?? Tokenizer.bos]
      let logits = target.logits(try advance(&states, tokens: prompts.map { _ in fed }, target: target))
      guard logits.isFinite else { throw .nonFinite("logits of token \(tokens.count + 1)") }
      var scores: [Float]
      if let guidance {
        scores = Guidance.scores(
          logits: logits.rows(in: 0..<1), negative: logits.rows(in: 1..<2), scale: guidance.scale)
      } else {
        scores = logits.values
      }
      for (token, bias) in options.logitBias where scores.indices.contains(Int(token)) { scores[Int(token)] += bias }
      tokens.append(Int32(try sampler.pick(scores).index))
      try progress(tokens.count)
    }
    return tokens
  }
}
