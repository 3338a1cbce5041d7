import UnifiedIO

/// The shape of a pick-and-place sentence of 24 tokens as LLaMA's tokenizer cuts it: words that are forced, and six numbers that the
/// model picks among the 1000 location ids. The ids of the words are arbitrary: a random model does not know them.
struct SentenceTemplate: TokenConstraint {
  /// `▁ 1 : ▁pick ▁from ▁( A B R ▁) ▁and ▁place ▁to ▁( C D S ▁) …`; `nil`: a number.
  private static let pattern: [Int32?] =
    [
      401, 402, 403, 404, 405, 406, nil, nil, nil, 407, 408, 409, 410, 411, 406, nil, nil, nil, 407, 412, 413, 414, 415,
      1,
    ]

  /// Ids of the locations.
  let locations: Range<Int32>

  static var count: Int { pattern.count }

  func choice(after tokens: [Int32]) -> TokenChoice {
    guard tokens.count < Self.pattern.count else { return .end }
    return Self.pattern[tokens.count].map { .forced($0) } ?? .among([locations])
  }
}
