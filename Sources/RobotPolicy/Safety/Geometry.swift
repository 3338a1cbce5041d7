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
