import Tensors

/// Sums up how far two tensors are apart, `‖a − b‖ / ‖b‖`, over several pieces.
struct Comparison {
  private var difference = 0.0
  private var reference = 0.0
  private(set) var elements = 0
  private(set) var leftOut = 0
  private var offered = 0

  mutating func add(_ ours: some Sequence<Float>, _ golden: some Sequence<Float>) {
    for (a, b) in zip(ours, golden) {
      difference += (Double(a) - Double(b)) * (Double(a) - Double(b))
      reference += Double(b) * Double(b)
      elements += 1
    }
  }

  /// Compares the rows that both have.
  ///
  /// - Parameters:
  ///   - ours: `[kept.count, features]`.
  ///   - kept: the reference's row of each of ours.
  ///   - golden: rows `0, stride, 2·stride…` of the reference, as slices of one flat array.
  mutating func add(_ ours: Tensor, kept: [Int], golden: ArraySlice<Float>, stride: Int) {
    let columns = ours.columns
    offered += kept.count
    let place = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($0.element, $0.offset) })
    ours.withSpan { span in
      for row in 0..<golden.count / columns {
        guard let index = place[row * stride] else {
          leftOut += 1
          continue
        }
        for column in 0..<columns {
          let a = Double(span[index * columns + column])
          let b = Double(golden[golden.startIndex + row * columns + column])
          difference += (a - b) * (a - b)
          reference += b * b
          elements += 1
        }
      }
    }
  }

  /// NaN when nothing was compared, so that an empty comparison cannot pass.
  var relativeError: Double {
    guard elements > 0 else { return .nan }
    return (difference / max(reference, .leastNormalMagnitude)).squareRoot()
  }

  /// Whether we have rows and the file has rows, but none that both have: the file keeps every how-many-th one, and those are padding.
  var isWithoutCommonRows: Bool { elements == 0 && leftOut > 0 && offered > 0 }

  var note: String { leftOut == 0 ? "" : "\(leftOut) padded rows left out" }
}
