import TestSupport
import Testing

/// Shapes that do not fill vector registers or tiles.
let awkwardSizes = [1, 3, 15, 17, 63, 65, 130, 1000]

/// Numbers in `-scale ..< scale` that depend on the seed alone.
func random(_ count: Int, seed: UInt64, scale: Float = 1) -> [Float] {
  var generator = SeededGenerator(seed: seed)
  return (0..<count).map { _ in Float.random(in: -scale..<scale, using: &generator) }
}

/// Each number within `tolerance` of the reference, relative to the larger of it and `unit`.
func expectClose(
  _ ours: [Float], _ reference: [Double], tolerance: Double = 1e-5, unit: Double = 1,
  _ note: @autoclosure () -> String = "",
  _ location: SourceLocation = #_sourceLocation
) {
  #expect(ours.count == reference.count, sourceLocation: location)
  for (index, (a, b)) in zip(ours, reference).enumerated()
  where !(abs(Double(a) - b) <= tolerance * max(unit, abs(b)) || (a.isNaN && b.isNaN)) {
    Issue.record("element \(index): \(a) differs from \(b) \(note())", sourceLocation: location)
    return
  }
}

/// The same bits.
func expectIdentical(
  _ a: some Sequence<Float>, _ b: some Sequence<Float>, _ note: @autoclosure () -> String = "",
  _ location: SourceLocation = #_sourceLocation
) {
  let (a, b) = (a.map(\.bitPattern), b.map(\.bitPattern))
  guard a != b else { return }
  let index = zip(a, b).enumerated().first { $1.0 != $1.1 }?.offset ?? min(a.count, b.count)
  Issue.record("element \(index) has other bits \(note())", sourceLocation: location)
}

/// How many representable numbers lie between `x` and the exact value, roughly.
func distanceInUlps(_ x: Float, _ exact: Double) -> Double {
  abs(Double(x) - exact) / Double(max(Float(exact).ulp, Float.leastNormalMagnitude.ulp))
}

extension Array where Element == Float {
  var doubles: [Double] { map { Double($0) } }
}
