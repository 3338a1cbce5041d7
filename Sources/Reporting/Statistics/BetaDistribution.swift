import Foundation

/// The beta distribution, which the exact interval of a proportion is made of.
enum BetaDistribution {
  /// The regularised incomplete beta function: the probability of a value of at most `x`, 0...1.
  ///
  /// - Parameters:
  ///   - a: above 0.
  ///   - b: above 0.
  /// - Note: Lentz's continued fraction (Numerical Recipes, section 6.4).
  static func cumulative(_ x: Double, a: Double, b: Double) -> Double {
    guard x > 0 else { return 0 }
    guard x < 1 else { return 1 }
    let front = exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * log(x) + b * log1p(-x))
    // The fraction converges fast on the side of the mean on which x lies here.
    return x < (a + 1) / (a + b + 2) ? front * fraction(x, a, b) / a : 1 - front * fraction(1 - x, b, a) / b
  }

  /// The value that a share `probability` of the distribution does not exceed, by bisection to the last bit.
  static func quantile(_ probability: Double, a: Double, b: Double) -> Double {
    var (low, high) = (0.0, 1.0)
    while true {
      let middle = low + (high - low) / 2
      guard middle > low, middle < high else { return middle }
      if cumulative(middle, a: a, b: b) < probability { low = middle } else { high = middle }
    }
  }

  private static func fraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
    let tiny = 1e-300
    func floored(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
    var c = 1.0
    var d = 1 / floored(1 - (a + b) * x / (a + 1))
    var result = d
    // Converges in about the square root of the larger parameter; the bound only ends a loop over NaN.
    for index in 1...100_000 {
      let m = Double(index)
      let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
      d = 1 / floored(1 + even * d)
      c = floored(1 + even / c)
      result *= d * c
      let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
      d = 1 / floored(1 + odd * d)
      c = floored(1 + odd / c)
      let change = d * c
      result *= change
      if abs(change - 1) < 1e-16 { break }
    }
    return result
  }
}

/// The logarithm of the gamma function. The C library's own keeps the sign in a global variable.
func logGamma(_ x: Double) -> Double {
  var sign: Int32 = 0
  return lgamma_r(x, &sign)
}
