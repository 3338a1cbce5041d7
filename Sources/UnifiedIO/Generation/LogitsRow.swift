import Foundation

/// The logits of the tokens that may come next, while a ``LogitsProcessor`` looks at them.
public struct LogitsRow: Sendable {
  /// Ids that may be picked: sorted, disjoint, never all empty.
  public private(set) var ranges: [Range<Int32>]
  /// One logit for each id of ``ranges``, in their order.
  public private(set) var values: [Float]

  /// - Parameters:
  ///   - ranges: sorted and disjoint.
  ///   - values: as many as the ranges hold ids.
  public init(ranges: [Range<Int32>], values: [Float]) {
    precondition(values.count == ranges.reduce(0) { $0 + $1.count }, "one logit for each id")
    self.ranges = ranges
    self.values = values
  }

  /// The logit of `token`; `nil` when it may not be picked.
  public subscript(token: Int32) -> Float? { index(of: token).map { values[$0] } }

  /// Makes `token` more (or less) likely; nothing happens when it may not be picked.
  public mutating func add(_ bias: Float, to token: Int32) {
    if let index = index(of: token) { values[index] += bias }
  }

  /// The share, 0...1, of the probability that lies on ids in `range`.
  public func probability(of range: Range<Int32>) -> Double {
    guard let maximum = values.max(), maximum > -.infinity else { return 0 }
    var inside = 0.0, total = 0.0, start = 0
    for candidates in ranges {
      let common = candidates.clamped(to: range)
      for (offset, value) in values[start..<start + candidates.count].enumerated() {
        let weight = exp(Double(value - maximum))
        total += weight
        if common.contains(candidates.lowerBound + Int32(offset)) { inside += weight }
      }
      start += candidates.count
    }
    return total > 0 ? inside / total : 0
  }

  /// Takes all ids but those in `range` away; when none would remain, nothing happens.
  public mutating func keep(only range: Range<Int32>) {
    keep { $0.clamped(to: range).isEmpty ? [] : [$0.clamped(to: range)] }
  }

  /// Takes one id away, unless it is the last.
  public mutating func remove(_ token: Int32) {
    keep { candidates in
      guard candidates.contains(token) else { return [candidates] }
      return [candidates.lowerBound..<token, token + 1..<candidates.upperBound].filter { !$0.isEmpty }
    }
  }

  private mutating func keep(_ parts: (Range<Int32>) -> [Range<Int32>]) {
    let kept = ranges.flatMap(parts)
    guard kept.contains(where: { !$0.isEmpty }) else { return }
    var keptValues: [Float] = []
    keptValues.reserveCapacity(kept.reduce(0) { $0 + $1.count })
    for part in kept {
      guard let start = index(of: part.lowerBound) else { continue }
      keptValues += values[start..<start + part.count]
    }
    (ranges, values) = (kept, keptValues)
  }

  /// The id whose logit is `values[index]`; `nil` outside.
  func token(at index: Int) -> Int32? {
    var index = index
    for range in ranges {
      if index < range.count { return range.lowerBound + Int32(index) }
      index -= range.count
    }
    return nil
  }

  private func index(of token: Int32) -> Int? {
    var before = 0
    for range in ranges {
      if range.contains(token) { return before + Int(token - range.lowerBound) }
      before += range.count
    }
    return nil
  }
}
