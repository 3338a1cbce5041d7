/// How the next token is picked from the logits.
public struct GenerationOptions: Sendable, Hashable {
  /// At most this many tokens, EOS included.
  public var maximumTokens: Int
  /// 0: greedy (always the most probable token); otherwise logits are divided by it before sampling.
  public var temperature: Float
  /// Keep only the k most probable tokens; `nil`: all.
  public var topK: Int?
  /// Keep the smallest set whose cumulative probability reaches this; `nil`: all.
  public var topP: Float?
  /// Seed of the random numbers; the same seed gives the same answer.
  public var seed: UInt64

  /// Added to the logits of single tokens before anything else.
  public var logitBias: [Int32: Float]

  public init(
    maximumTokens: Int = 512, temperature: Float = 0, topK: Int? = nil, topP: Float? = nil, seed: UInt64 = 0,
    logitBias: [Int32: Float] = [:]
  ) {
    self.logitBias = logitBias
    self.maximumTokens = maximumTokens
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.seed = seed
  }

  /// Always the most probable token.
  public static let greedy = GenerationOptions()
}

/// Tokens that the decoder said.
public struct TextGeneration: Sendable, Hashable {
  public enum FinishReason: String, Sendable, Hashable {
    /// EOS, or the constraint said `end`.
    case end
    /// ``GenerationOptions/maximumTokens`` was reached.
    case length
    /// Whoever watched it wanted no more; see ``GenerationObserver``.
    case stopped
  }

  /// Without BOS; with EOS when the model said it.
  public var tokens: [Int32]
  public var finishReason: FinishReason
  /// Geometric mean of the probabilities of the sampled (not forced) tokens among the allowed ones; 1 when none was sampled.
  public var confidence: Double
  /// The probability of each token among those that were allowed at its place; 1 where it was forced. Empty where they are not
  /// known, as after beam search.
  public var probabilities: [Double]

  public init(tokens: [Int32], finishReason: FinishReason, confidence: Double, probabilities: [Double] = []) {
    self.probabilities = probabilities
    self.tokens = tokens
    self.finishReason = finishReason
    self.confidence = confidence
  }
}
