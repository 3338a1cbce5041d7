/// Looks at the logits of the next token before one is picked, and may narrow or bias the choice.
///
/// A ``TokenConstraint`` is a grammar: it says what is allowed from the ids alone, before any logits are computed. A processor
/// decides by what the model thinks. Both may be given; the processor then sees only what the grammar allows, and forced tokens
/// pass it by. Biases of the options are added first, temperature, top-k and top-p come after.
public protocol LogitsProcessor: Sendable {
  /// Changes `row` in place.
  ///
  /// - Parameters:
  ///   - row: raw logits in greedy search and sampling; the log-probabilities of one beam in beam search, as Hugging Face has it.
  ///   - tokens: generated so far, without BOS.
  func process(_ row: inout LogitsRow, after tokens: [Int32])
}

/// Lets only location tokens through as soon as together they are more probable than a threshold.
///
/// Probability that is spread over many similar locations would otherwise lose to a single EOS and end a list of boxes early.
/// This is the reference's `PredictBoxesPreprocessor`.
public struct LocationPreference: LogitsProcessor {
  /// Ids of the location tokens; see ``Tokenizer/locationTokens``.
  public var locations: Range<Int32>
  /// Between 0 and 1; the release has 0.3 for one class, 0.5 for all objects.
  public var threshold: Double
  /// Whether the answer must not begin with EOS.
  public var requiresOneBox: Bool

  /// - Parameters:
  ///   - locations: from the tokenizer, whose base the ids depend on.
  ///   - threshold: above it only locations stay.
  ///   - requiresOneBox: forbids an empty answer.
  public init(locations: Range<Int32>, threshold: Double = 0.5, requiresOneBox: Bool = false) {
    self.locations = locations
    self.threshold = threshold
    self.requiresOneBox = requiresOneBox
  }

  /// Narrows the row where the locations outweigh the threshold.
  public func process(_ row: inout LogitsRow, after tokens: [Int32]) {
    if row.probability(of: locations) > threshold { row.keep(only: locations) }
    if requiresOneBox, tokens.isEmpty { row.remove(Tokenizer.eos) }
  }
}
