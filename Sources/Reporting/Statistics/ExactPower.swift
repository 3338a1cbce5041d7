import Foundation

/// What the exact tests really find of a difference, by enumeration.
extension SampleSize {
  /// So many episodes are enumerated; with more the exact tests have very nearly the power of their normal approximations.
  private static let mostEpisodes = 5000

  /// How probable it is that Fisher's exact test, two-sided, tells two policies apart on different episodes.
  ///
  /// - Parameter episodes: for each policy.
  /// - Returns: `nil` for more than 5,000 episodes, and for numbers that are no rates or counts.
  /// - Complexity: O(episodes²).
  public static func exactPower(
    _ first: Double, _ second: Double, episodes: Int, confidence: Double = 0.95
  ) -> Double? {
    guard (0...1).contains(first), (0...1).contains(second), (1...mostEpisodes).contains(episodes) else { return nil }
    let chances = [first, second].map { rate in
      (0...episodes).map { binomialProbability($0, of: episodes, probability: rate) }
    }
    let ways = (0...episodes).map { logarithmOfWays($0, of: episodes) }
    var power = 0.0
    for successes in 0...(2 * episodes) {
      let least = max(0, successes - episodes), most = min(episodes, successes)
      let all = logarithmOfWays(successes, of: 2 * episodes)
      // Both policies have as many episodes, so that the ways to split the successes are symmetric, and p is twice a tail.
      let split = extreme(least...(successes / 2), confidence) { exp(ways[$0] + ways[successes - $0] - all) }
      guard let split else { continue }
      for count in least...most where count <= split || successes - count <= split {
        power += chances[0][count] * chances[1][successes - count]
      }
    }
    return min(1, power)
  }

  /// How probable it is that McNemar's exact test tells two policies apart on the same episodes.
  ///
  /// - Parameters:
  ///   - pairs: episodes that both try.
  ///   - discordant: as in ``paired(_:_:discordant:confidence:power:)``.
  /// - Returns: `nil` for more than 5,000 pairs, and where ``paired(_:_:discordant:confidence:power:)`` is `nil`.
  /// - Complexity: O(pairs²).
  public static func exactPower(
    _ first: Double, _ second: Double, pairs: Int, discordant: Double, confidence: Double = 0.95
  ) -> Double? {
    guard (1...mostEpisodes).contains(pairs),
      paired(first, second, discordant: discordant, confidence: confidence) != nil
    else { return nil }
    // The share of what exactly one solves that is the better policy's.
    let better = min(1, (discordant + abs(second - first)) / (2 * discordant))
    var power = 0.0
    for count in 0...pairs {
      let chance = binomialProbability(count, of: pairs, probability: min(1, discordant))
      guard chance > 1e-12,
        let split = extreme(
          0...(count / 2), confidence, { binomialProbability($0, of: count, probability: 0.5) })
      else { continue }
      for fewer in 0...split {
        power += chance * binomialProbability(fewer, of: count, probability: better)
        power += chance * binomialProbability(count - fewer, of: count, probability: better)
      }
    }
    return min(1, power)
  }

  /// The last of `counts` with which twice the probability of it and all before is still small enough; `nil`: none.
  private static func extreme(
    _ counts: ClosedRange<Int>, _ confidence: Double, _ probability: (Int) -> Double
  ) -> Int? {
    var (tail, last) = (0.0, Int?.none)
    for count in counts {
      tail += probability(count)
      guard 2 * tail <= (1 - confidence) * (1 + 1e-9) else { break }
      last = count
    }
    return last
  }

  private static func logarithmOfWays(_ k: Int, of n: Int) -> Double {
    logGamma(Double(n + 1)) - logGamma(Double(k + 1)) - logGamma(Double(n - k + 1))
  }
}
