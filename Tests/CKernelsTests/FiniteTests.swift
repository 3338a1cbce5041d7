import CKernels
import KernelLevels
import TestSupport
import Testing

@Suite("Kernels find the first number that is not finite") struct FiniteTests {
  /// Also at addresses that no element is aligned to.
  private func finite(_ level: KernelLevel, _ x: [Float]) -> Int {
    let memory = Guarded(x.withUnsafeBytes { Array($0) }, skew: 3)
    return level.kernels.f32_finite(memory.pointer, x.count)
  }

  private func finite(_ level: KernelLevel, _ x: [UInt16], exponent: UInt16) -> Int {
    let memory = Guarded(x.withUnsafeBytes { Array($0) }, skew: 5)
    return level.kernels.half_finite(memory.pointer, x.count, exponent)
  }

  @Test(arguments: KernelLevel.all) func `the place in an array of any length`(level: KernelLevel) {
    var generator = SeededGenerator(seed: 11)
    var whole = 0, faulty = 0
    for count in awkwardSizes + [0, 4095, 4096, 4097, 9000] {
      for _ in 0..<20 {
        var x = random(count, seed: generator.next(), scale: .greatestFiniteMagnitude / 4)
        for _ in 0..<Int.random(in: 0...2, using: &generator) where count > 0 {
          x[Int.random(in: 0..<count, using: &generator)] =
            [.nan, .infinity, -.infinity, -.nan, Float(bitPattern: 0x7f80_0001)].randomElement(using: &generator)
            ?? .nan
        }
        let expected = x.firstIndex { !$0.isFinite } ?? count
        if expected == count { whole += 1 } else { faulty += 1 }
        #expect(finite(level, x) == expected)
        let halves = x.map { UInt16(truncatingIfNeeded: $0.bitPattern >> 16) }
        let first = halves.firstIndex { !Float(bitPattern: UInt32($0) << 16).isFinite } ?? count
        #expect(finite(level, halves, exponent: 0x7f80) == first)
      }
    }
    #expect(whole > 50 && faulty > 50)
  }

  @Test(arguments: KernelLevel.all) func `every half alone`(level: KernelLevel) {
    for pattern in 0...UInt16.max {
      let isFinite = Float16(bitPattern: pattern).isFinite
      let isBrainFinite = Float(bitPattern: UInt32(pattern) << 16).isFinite
      if finite(level, [pattern], exponent: 0x7c00) != (isFinite ? 1 : 0)
        || finite(level, [pattern], exponent: 0x7f80) != (isBrainFinite ? 1 : 0)
      {
        Issue.record("\(pattern)")
        return
      }
    }
  }

  @Test(arguments: KernelLevel.all) func `the largest and the smallest numbers are numbers`(level: KernelLevel) {
    let x: [Float] = [.greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude, -0.0, 0]
    #expect(finite(level, x) == x.count)
  }
}
