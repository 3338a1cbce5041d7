/// One more token of an answer, for whoever watches it grow.
public struct GenerationStep: Sendable, Hashable {
  /// The token that was just said; of the best beam in beam search.
  public var token: Int32
  /// Tokens so far, this one included.
  public var count: Int
  /// Tokens that the answer cannot exceed; most answers end earlier.
  public var limit: Int

  /// - Parameters:
  ///   - token: just said.
  ///   - count: tokens so far.
  ///   - limit: of the answer.
  public init(token: Int32, count: Int, limit: Int) {
    self.token = token
    self.count = count
    self.limit = limit
  }
}

/// Called after each token, on the thread that generates; `false` ends the answer there.
public typealias GenerationObserver = (GenerationStep) -> Bool
