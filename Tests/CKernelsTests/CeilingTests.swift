import KernelLevels
import TestSupport
import Testing

@Suite struct CeilingTests {
  @Test(arguments: KernelLevel.all) func readingSeesEveryByte(level: KernelLevel) {
    var generator = SeededGenerator(seed: 1)
    for count in Array(0...9) + [63, 64, 511, 512, 513, 1023, 2000, 4099] {
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
      let memory = Guarded(bytes, skew: 3)
      let expected = bytes.enumerated().reduce(UInt32(0)) { $0 ^ UInt32($1.element) << (8 * UInt32($1.offset % 4)) }
      for places in [1, 3, 4] {
        #expect(
          level.kernels.stream_read(memory.pointer, count, places) == expected, "\(count) bytes at \(places) places")
      }
    }
  }

  @Test(arguments: KernelLevel.all) func arithmeticTakesTime(level: KernelLevel) {
    let kernels = level.kernels
    #expect(kernels.peak_f32_operations() >= 2 && kernels.peak_i8_operations() >= 2)
    #expect(kernels.peak_f32(10).isFinite)
    _ = kernels.peak_i8(10)
    func operationsPerSecond(_ operations: Int, _ body: (Int) -> Void) -> Double {
      let rounds = 200_000
      let time = ContinuousClock().measure { body(rounds) }
      return Double(rounds * operations)
        / (Double(time.components.attoseconds) / 1e18 + Double(time.components.seconds))
    }
    // More than any core does, and less than any does even when others use it.
    let plausible = 1e7...5e12
    #expect(plausible.contains(operationsPerSecond(kernels.peak_f32_operations()) { _ = kernels.peak_f32($0) }))
    #expect(plausible.contains(operationsPerSecond(kernels.peak_i8_operations()) { _ = kernels.peak_i8($0) }))
  }

  @Test(arguments: KernelLevel.all) func randomNumbersDependOnSeedAndPlaceAlone(level: KernelLevel) {
    func numbers(_ level: KernelLevel, _ count: Int, seed: UInt64, first: UInt64) -> [Float] {
      let y = Guarded(repeating: Float.nan, count: count, skew: 1)
      level.kernels.uniform(y.pointer, count, seed, first, -0.5, 1.5)
      return y.values()
    }
    let all = numbers(level, 4000, seed: 0x1_2345_6789, first: 0)
    #expect(all.allSatisfy { $0 >= -0.5 && $0 < 1.5 })
    #expect(abs(all.reduce(0, +) / 4000 - 0.5) < 0.05)
    #expect(Set(all).count > 3900)
    for (first, count) in [(1, 1), (15, 17), (63, 65), (1000, 130)] {
      expectIdentical(numbers(level, count, seed: 0x1_2345_6789, first: UInt64(first)), all[first..<first + count])
    }
    expectClose(numbers(KernelLevel.all[0], 4000, seed: 0x1_2345_6789, first: 0), all.doubles, tolerance: 1e-7)
    #expect(numbers(level, 4, seed: 1, first: 0) != numbers(level, 4, seed: 2, first: 0))
    expectIdentical(
      numbers(level, 4, seed: 1, first: (1 << 32) - 2),
      numbers(level, 2, seed: 1, first: (1 << 32) - 2)
        + numbers(level, 2, seed: 1, first: 0))
  }
}
