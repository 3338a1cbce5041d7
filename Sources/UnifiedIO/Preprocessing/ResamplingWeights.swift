/// Which pixels of a row (or column) make each pixel of the resized one, and how much each counts.
///
/// This is `tf.image.resize(method: bilinear, antialias: true)`: a triangle of radius one pixel of the coarser grid, sampled
/// at pixel centres, normalised to sum 1 also where the border cuts it.
struct ResamplingWeights {
  /// First source pixel for each pixel of the result.
  private(set) var starts: [Int]
  /// Source pixels for each pixel of the result, the same number everywhere; surplus ones weigh 0.
  private(set) var taps: Int
  /// `[result, taps]`, row-major.
  private(set) var weights: [Float]

  /// - Parameters:
  ///   - sourceCount: pixels before, at least 1.
  ///   - count: pixels after, at least 1.
  init(from sourceCount: Int, to count: Int) {
    let inverseScale = 1 / (Float(count) / Float(sourceCount))
    let radius = max(inverseScale, 1)
    let inverseRadius = 1 / radius
    var spans: [(start: Int, weights: ArraySlice<Float>)] = []
    spans.reserveCapacity(count)
    taps = 1
    for index in 0..<count {
      let center = (Float(index) + 0.5) * inverseScale
      let first = min(max(Int((center - radius - 0.5).rounded(.up)), 0), sourceCount - 1)
      let last = min(max(Int((center + radius - 0.5).rounded(.down)), first), sourceCount - 1)
      let raw = (first...last).map { max(1 - abs((Float($0) + 0.5 - center) * inverseRadius), 0) }
      let norm = 1 / raw.reduce(0, +)
      // The ends often weigh nothing; without them upscaling needs two taps instead of three.
      let nonzero = raw.map { $0 * norm }.drop { $0 == 0 }
      let span = nonzero.prefix((nonzero.lastIndex { $0 != 0 } ?? nonzero.startIndex) - nonzero.startIndex + 1)
      spans.append((first + span.startIndex, span))
      taps = max(taps, span.count)
    }
    starts = []
    starts.reserveCapacity(count)
    weights = [Float](repeating: 0, count: count * taps)
    for (index, span) in spans.enumerated() {
      let start = min(span.start, sourceCount - taps)
      starts.append(start)
      for (offset, weight) in span.weights.enumerated() {
        weights[index * taps + span.start - start + offset] = weight
      }
    }
  }

  /// For each pixel of the result the nearest source pixel, as `tf.image.resize(method: nearest)` picks it.
  static func nearest(from sourceCount: Int, to count: Int) -> [Int] {
    let scale = Float(sourceCount) / Float(count)
    return (0..<count).map { min(Int((Float($0) + 0.5) * scale), sourceCount - 1) }
  }
}
