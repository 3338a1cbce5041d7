/// Bin magnitudes whose mel powers are the given ones: the mel filters undone, by least squares without negative values.
struct SpectrumEstimate {
  private let filterbank: MelFilterbank
  /// The filters' products with themselves and with the next one: `A·Aᵀ`, which is tridiagonal.
  private let diagonal: [Double]
  private let beside: [Double]
  /// One over a bound of the largest eigenvalue of `Aᵀ·A`.
  private let step: Double

  /// Rounds of accelerated projected gradient; the mel error is below a thousandth well before.
  private static let rounds = 60

  init(_ filterbank: MelFilterbank) {
    self.filterbank = filterbank
    let filters = filterbank.filters
    func product(_ a: MelFilterbank.Filter, _ b: MelFilterbank.Filter) -> Double {
      let offset = b.firstBin - a.firstBin
      return a.weights.indices.reduce(0) { sum, index in
        let other = index - offset
        return b.weights.indices.contains(other) ? sum + Double(a.weights[index]) * Double(b.weights[other]) : sum
      }
    }
    let diagonal = filters.map { product($0, $0) }
    let beside = zip(filters, filters.dropFirst()).map { product($0, $1) }
    let largestRow = filters.indices.map { row in
      diagonal[row] + (row > 0 ? beside[row - 1] : 0) + (row < beside.count ? beside[row] : 0)
    }.max()
    (self.diagonal, self.beside) = (diagonal, beside)
    step = 1 / max(largestRow ?? 1, .leastNormalMagnitude)
  }

  /// Magnitudes `[bins]` for one instant's mel powers `[bands]`, none negative.
  func magnitudes(_ power: [Double]) -> [Double] {
    // The shortest solution is the start; where it is negative, rounds of projected gradient repair the rest.
    var estimate = filterbank.transposed(solve(power)).map { max($0, 0) }
    var ahead = estimate, momentum = 1.0
    for _ in 0..<Self.rounds {
      let error = zip(filterbank(ahead), power).map { $0 - $1 }
      let gradient = filterbank.transposed(error)
      let next = zip(ahead, gradient).map { max($0 - step * $1, 0) }
      let nextMomentum = (1 + (1 + 4 * momentum * momentum).squareRoot()) / 2
      let push = (momentum - 1) / nextMomentum
      ahead = zip(next, estimate).map { $0 + push * ($0 - $1) }
      (estimate, momentum) = (next, nextMomentum)
    }
    return estimate.map { $0.squareRoot() }
  }

  /// `x` with `A·Aᵀ·x = right`: elimination of a tridiagonal matrix.
  private func solve(_ right: [Double]) -> [Double] {
    var upper = [Double](repeating: 0, count: diagonal.count)
    var result = right
    for row in diagonal.indices {
      let below = row > 0 ? beside[row - 1] : 0
      let pivot = diagonal[row] - (row > 0 ? below * upper[row - 1] : 0)
      if row < beside.count { upper[row] = beside[row] / pivot }
      result[row] = (right[row] - (row > 0 ? below * result[row - 1] : 0)) / pivot
    }
    for row in diagonal.indices.dropLast().reversed() { result[row] -= upper[row] * result[row + 1] }
    return result
  }
}
