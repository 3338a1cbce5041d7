/// Logits from large to small; among equals the smaller index first, so that a seed gives the same answer everywhere.
enum RankedLogits {
  /// The indices of all logits, best first.
  static func order(_ logits: [Float]) -> [Int] {
    keys(logits).sorted().map { Int(UInt32(truncatingIfNeeded: $0)) }
  }

  /// The indices of the `count` best, best first.
  static func best(_ logits: [Float], count: Int) -> [Int] {
    guard count < logits.count / 8 else { return Array(order(logits).prefix(count)) }
    guard count > 0 else { return [] }
    // Few are wanted: most logits are smaller than the worst of those kept and cost one comparison.
    var kept: [UInt64] = []
    kept.reserveCapacity(count + 1)
    for (index, logit) in logits.enumerated() {
      let key = key(logit, index)
      if kept.count == count, let worst = kept.last, key > worst { continue }
      kept.insert(key, at: kept.firstIndex { $0 > key } ?? kept.count)
      if kept.count > count { kept.removeLast() }
    }
    return kept.map { Int(UInt32(truncatingIfNeeded: $0)) }
  }

  private static func keys(_ logits: [Float]) -> [UInt64] {
    logits.enumerated().map { key($0.element, $0.offset) }
  }

  /// Whole numbers that are ordered as wanted, since they sort many times faster than pairs: the float's bits, turned round so that
  /// the largest comes first, then the index. NaN comes last.
  private static func key(_ logit: Float, _ index: Int) -> UInt64 {
    guard !logit.isNaN else { return UInt64(UInt32.max) << 32 | UInt64(index) }
    // Zeros of both signs are equal.
    let bits = (logit == 0 ? 0 : logit).bitPattern
    let ascending = bits & 0x8000_0000 == 0 ? bits | 0x8000_0000 : ~bits
    return UInt64(~ascending) << 32 | UInt64(index)
  }
}
