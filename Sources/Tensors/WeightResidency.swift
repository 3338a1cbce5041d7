/// How weights that the file holds as bfloat16 are kept in memory.
public enum WeightResidency: String, Sendable, Hashable, CaseIterable {
  /// As 32-bit floats, made at load: twice the memory, the faster products.
  case widened
  /// As the file has them, mapped: no copy and no load time; widened on the fly in every product.
  case stored

  /// Models whose weights are smaller than this as 32-bit floats are widened: they fit beside anything else, and robots want speed.
  public static let widenedLimit = 256 << 20

  /// What suits a checkpoint of this size: widened below ``widenedLimit``, stored from there on.
  public static func suited(to checkpoint: Checkpoint) -> WeightResidency {
    checkpoint.widenedSize < widenedLimit ? .widened : .stored
  }
}
