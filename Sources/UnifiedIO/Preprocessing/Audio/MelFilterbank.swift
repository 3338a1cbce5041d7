#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Triangular filters, evenly spaced on Slaney's mel scale from 0 to 8,000 Hz and of equal area (librosa's `filters.mel`).
///
/// Each filter overlaps only its two neighbours.
struct MelFilterbank: Sendable {
  /// The bins that one filter takes in.
  struct Filter: Sendable {
    let firstBin: Int
    let weights: [Float]
  }

  /// From the lowest to the highest.
  let filters: [Filter]
  let bins: Int

  /// - Parameters:
  ///   - bands: number of filters.
  ///   - bins: of the spectrum, evenly spaced from 0 Hz to `highest`.
  ///   - highest: Hz.
  init(bands: Int, bins: Int, highest: Double) {
    self.bins = bins
    let top = Self.mel(ofHertz: highest)
    let edges = (0..<bands + 2).map { Self.hertz(ofMel: top * Double($0) / Double(bands + 1)) }
    let spacing = highest / Double(bins - 1)
    filters = (0..<bands).map { band in
      let (low, middle, high) = (edges[band], edges[band + 1], edges[band + 2])
      let weights = (0..<bins).map { bin -> Float in
        let frequency = Double(bin) * spacing
        let rise = (frequency - low) / (middle - low), fall = (high - frequency) / (high - middle)
        // Single precision first, as in librosa.
        return Float(Double(Float(max(0, min(rise, fall)))) * (2 / (high - low)))
      }
      let first = weights.firstIndex { $0 > 0 } ?? 0
      let last = weights.lastIndex { $0 > 0 } ?? first
      return Filter(firstBin: first, weights: Array(weights[first...last]))
    }
  }

  /// All weights, `[bands, bins]`.
  var dense: [Float] {
    filters.flatMap { filter in
      [Float](repeating: 0, count: filter.firstBin) + filter.weights
        + [Float](repeating: 0, count: bins - filter.firstBin - filter.weights.count)
    }
  }

  /// The bands' power, `[bands]`.
  /// - Parameter power: `[bins]`.
  func callAsFunction(_ power: [Double]) -> [Double] {
    filters.map { filter in
      var sum = 0.0
      for (offset, weight) in filter.weights.enumerated() { sum += Double(weight) * power[filter.firstBin + offset] }
      return sum
    }
  }

  /// The transposed product: each band's value spread over its bins, `[bins]`.
  /// - Parameter values: `[bands]`.
  func transposed(_ values: [Double]) -> [Double] {
    var result = [Double](repeating: 0, count: bins)
    for (filter, value) in zip(filters, values) {
      for (offset, weight) in filter.weights.enumerated() { result[filter.firstBin + offset] += Double(weight) * value }
    }
    return result
  }

  // Slaney's scale: linear below 1,000 Hz, logarithmic above.
  private static let hertzPerMel = 200.0 / 3
  private static let logarithmicMel = 15.0
  private static let logarithmicStep = log(6.4) / 27

  private static func mel(ofHertz hertz: Double) -> Double {
    hertz < 1000 ? hertz / hertzPerMel : logarithmicMel + log(hertz / 1000) / logarithmicStep
  }

  private static func hertz(ofMel mel: Double) -> Double {
    mel < logarithmicMel ? mel * hertzPerMel : 1000 * exp(logarithmicStep * (mel - logarithmicMel))
  }
}
