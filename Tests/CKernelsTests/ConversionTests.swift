import KernelLevels
import Testing

@Suite struct ConversionTests {
  private func widened(_ x: [UInt16], _ kernel: (UnsafeMutablePointer<Float>, UnsafePointer<UInt16>) -> Void) -> [Float]
  {
    let input = Guarded(x, skew: 1), output = Guarded(repeating: Float(7), count: x.count, skew: 3)
    kernel(output.pointer, input.pointer)
    return output.values()
  }

  private func narrowed(_ x: [Float], _ kernel: (UnsafeMutablePointer<UInt16>, UnsafePointer<Float>) -> Void)
    -> [UInt16]
  {
    let input = Guarded(x, skew: 1), output = Guarded(repeating: UInt16(7), count: x.count, skew: 3)
    kernel(output.pointer, input.pointer)
    return output.values()
  }

  /// In order, and the same numbers one place further, so that each goes through vectors and through the rest behind them.
  private static let everyHalf = [(0...UInt16.max).map { $0 }, [0] + (0...UInt16.max)]

  @Test(arguments: KernelLevel.all) func everyHalfIsWidenedExactly(level: KernelLevel) {
    for halves in Self.everyHalf + awkwardSizes.map({ Array(0x3bf0..<0x3bf0 + UInt16($0)) }) {
      let floats = widened(halves) { level.kernels.f16_to_f32($0, $1, halves.count) }
      for (half, float) in zip(halves, floats) {
        let exact = Float(Float16(bitPattern: half))
        if exact.isNaN ? !float.isNaN : float.bitPattern != exact.bitPattern {
          Issue.record("half \(half) became \(float)")
          return
        }
      }
    }
  }

  @Test(arguments: KernelLevel.all) func halvesAreNearestAndTiesGoToEven(level: KernelLevel) {
    // Each half, the middle between it and the next one, and the floats on both sides of both.
    let magnitudes = (0...0x7c00).flatMap { (pattern: Int) -> [Float] in
      let half = Float(Float16(bitPattern: UInt16(pattern)))
      let next = pattern < 0x7bff ? Float(Float16(bitPattern: UInt16(pattern + 1))) : 65536
      let middle = half + (min(next, 65536) - half) / 2
      return [half, half.nextUp, half.nextDown, middle, middle.nextUp, middle.nextDown]
    }
    let special: [Float] = [
      .infinity, .nan, Float(bitPattern: 0x7f80_0001), .greatestFiniteMagnitude, 65519.99, 65520, 65536, 0x1p-133,
      .leastNonzeroMagnitude, 0x1p-25, 0x1.000002p-25, 0x1p-24, 0x1.8p-24,
    ]
    let all: [Float] = (magnitudes + special).flatMap { [$0, -$0] } + [0]
    let shifted: [Float] = [1] + all
    for floats in [all, shifted] + awkwardSizes.map({ random($0, seed: 1, scale: 70_000) }) {
      let halves = narrowed(floats) { level.kernels.f32_to_f16($0, $1, floats.count) }
      for (float, half) in zip(floats, halves) {
        let found = Float16(bitPattern: half), exact = Float16(float)
        if exact.isNaN ? !found.isNaN : half != exact.bitPattern {
          Issue.record("\(float) became \(found), not \(exact)")
          return
        }
      }
    }
  }

  @Test(arguments: KernelLevel.all) func everyBrainFloatIsWidenedExactly(level: KernelLevel) {
    for halves in Self.everyHalf + awkwardSizes.map({ Array(0..<UInt16($0)) }) {
      let floats = widened(halves) { level.kernels.bf16_to_f32($0, $1, halves.count) }
      #expect(zip(halves, floats).allSatisfy { UInt32($0) << 16 == $1.bitPattern })
    }
  }

  @Test(arguments: KernelLevel.all) func brainFloatsAreNearestAndTiesGoToEven(level: KernelLevel) {
    let lower: [UInt32] = [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff]
    let floats = (0...UInt32(UInt16.max)).flatMap { upper in lower.map { Float(bitPattern: upper << 16 | $0) } }
    let halves = narrowed(floats) { level.kernels.f32_to_bf16($0, $1, floats.count) }
    for (float, half) in zip(floats, halves) {
      let found = Float(bitPattern: UInt32(half) << 16)
      let bits = UInt64(float.bitPattern), tie = bits & 0xffff == 0x8000
      let up = bits & 0xffff > 0x8000 || (tie && bits & 0x1_0000 != 0)
      let expected = UInt16(truncatingIfNeeded: bits >> 16 + (up ? 1 : 0))
      if float.isNaN ? !found.isNaN : half != expected {
        Issue.record("\(float) became \(found)")
        return
      }
    }
    for count in awkwardSizes {
      let x = random(count, seed: 2)
      let y = narrowed(x) { level.kernels.f32_to_bf16($0, $1, count) }
      #expect(zip(x, y).allSatisfy { abs(Float(bitPattern: UInt32($1) << 16) - $0) <= abs($0) / 256 })
    }
  }
}
