/// The length of a vector.
func length(_ vector: [Double]) -> Double {
  // Scaled, so that huge and tiny components neither overflow nor vanish.
  let largest = vector.reduce(0) { max($0, abs($1)) }
  guard largest > 0, largest.isFinite else { return largest }
  return largest * vector.reduce(0) { $0 + ($1 / largest) * ($1 / largest) }.squareRoot()
}

/// The distance between two points.
func distance(_ a: [Double], _ b: [Double]) -> Double {
  length(zip(a, b).map { $0 - $1 })
}

/// The smaller of the two turns from one angle to another, -π...π.
func shortWay(from: Double, to: Double) -> Double { (to - from).remainder(dividingBy: 2 * .pi) }

/// The value of a range that is nearest to a value.
func clamp(_ value: Double, to range: ClosedRange<Double>) -> Double {
  min(max(value, range.lowerBound), range.upperBound)
}

/// The corners of the smallest box around some points, at least one; all of the same dimension.
///
/// - Complexity: O(2^dimension).
func corners(of points: [[Double]]) -> [[Double]] {
  guard let first = points.first else { return [] }
  return first.indices.reduce([[]]) { corners, axis in
    let values = points.map { $0[axis] }
    let ends = Set([values.min(), values.max()].compactMap(\.self)).sorted()
    return corners.flatMap { corner in ends.map { corner + [$0] } }
  }
}

/// The largest fraction of a way, as closely as float64 tells, for which a condition holds that holds at 0.
///
/// Asking the condition itself, rather than solving for its border, leaves no rounding error by which the answer could break it.
///
/// - Parameter holds: on 0...1; true at 0, and from the first place where it is false on, false.
func largestFraction(where holds: (Double) -> Bool) -> Double {
  if holds(1) { return 1 }
  var (inside, outside) = (0.0, 1.0)
  // The way from 1 down to the smallest fraction that matters, then 53 bits.
  for _ in 0..<120 {
    let middle = inside + (outside - inside) / 2
    guard middle > inside, middle < outside else { break }
    if holds(middle) { inside = middle } else { outside = middle }
  }
  return inside
}
