/// What the decoder may say next.
public enum TokenChoice: Sendable, Hashable {
  /// Only this token: it is fed without computing logits and never sampled.
  case forced(Int32)
  /// One of the ids in these ranges (sorted, disjoint, not empty): logits are computed for these alone.
  case among([Range<Int32>])
  /// The answer is complete.
  case end
}

/// A grammar over token ids, e.g. of an action space.
public protocol TokenConstraint: Sendable {
  /// What may follow `tokens`, the ids generated so far without BOS.
  func choice(after tokens: [Int32]) -> TokenChoice
}
