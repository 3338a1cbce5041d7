/// Two policies on the same episodes: same task, same seed.
public struct PairedComparison: Sendable, Hashable {
  /// Episodes that both solved.
  public let both: Int
  /// Episodes that only the first solved.
  public let onlyFirst: Int
  /// Episodes that only the second solved.
  public let onlySecond: Int
  /// Episodes that neither solved.
  public let neither: Int

  /// - Returns: `nil` for a negative count.
  public init?(both: Int, onlyFirst: Int, onlySecond: Int, neither: Int) {
    guard min(both, onlyFirst, onlySecond, neither) >= 0 else { return nil }
    self.both = both
    self.onlyFirst = onlyFirst
    self.onlySecond = onlySecond
    self.neither = neither
  }

  /// Counts pairs of outcomes, each the first policy's and the second's.
  public init(_ outcomes: some Sequence<(Bool, Bool)>) {
    var counts = (both: 0, onlyFirst: 0, onlySecond: 0, neither: 0)
    for outcome in outcomes {
      switch outcome {
      case (true, true): counts.both += 1
      case (true, false): counts.onlyFirst += 1
      case (false, true): counts.onlySecond += 1
      case (false, false): counts.neither += 1
      }
    }
    (both, onlyFirst, onlySecond, neither) = counts
  }

  /// Pairs.
  public var count: Int { both + onlyFirst + onlySecond + neither }

  /// The second policy's rate minus the first's; `nil` without pairs.
  public var difference: Double? { count > 0 ? Double(onlySecond - onlyFirst) / Double(count) : nil }

  /// The two-sided p-value of McNemar's exact test: how probable so lopsided a split of the episodes that only one policy solved is when
  /// both are equally good. 1 when there are none.
  public var mcNemarP: Double {
    let discordant = onlyFirst + onlySecond
    let fewer = min(onlyFirst, onlySecond)
    let tail = (0...fewer).reduce(0) { $0 + binomialProbability($1, of: discordant, probability: 0.5) }
    return min(1, 2 * tail)
  }

  /// Tango's score interval of ``difference`` (Statistics in Medicine 17, 1998).
  ///
  /// - Returns: -1...1 without pairs.
  public func tangoInterval(confidence: Double = 0.95) -> ClosedRange<Double> {
    guard let difference else { return -1...1 }
    let z = NormalDistribution.deviations(for: confidence)
    let lower = border(from: difference, to: -1) { self.score($0) <= z }
    let upper = border(from: difference, to: 1) { self.score($0) >= -z }
    return min(lower, difference)...max(upper, difference)
  }

  /// How many standard deviations the counts lie above a true difference of `delta`.
  private func score(_ delta: Double) -> Double {
    let (n, gained, lost) = (Double(count), Double(onlySecond), Double(onlyFirst))
    // The likelihood's maximum for the share of pairs that only the first solves, under that difference.
    let a = 2 * n
    let b = -gained - lost + (2 * n - gained + lost) * delta
    let c = -lost * delta * (1 - delta)
    let share = max(0, ((max(0, b * b - 4 * a * c)).squareRoot() - b) / (2 * a))
    let variance = n * (2 * share + delta * (1 - delta))
    let distance = gained - lost - n * delta
    guard variance > 0 else { return distance == 0 ? 0 : distance > 0 ? .infinity : -.infinity }
    return distance / variance.squareRoot()
  }

  /// The last place on the way from `start`, where a condition holds, to `end` at which it still holds.
  private func border(from start: Double, to end: Double, where holds: (Double) -> Bool) -> Double {
    if holds(end) { return end }
    var (inside, outside) = (start, end)
    for _ in 0..<100 {
      let middle = inside + (outside - inside) / 2
      if holds(middle) { inside = middle } else { outside = middle }
    }
    return inside
  }
}
