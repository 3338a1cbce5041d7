/// Ids with a meaning of their own, the same in all three vocabularies.
public enum Tokens {
  /// First decoder input; also the padding of inputs and targets.
  public static let beginning: Int32 = 0
  public static let padding: Int32 = 0
  public static let end: Int32 = 1
}
