import CKernels
import Foundation
import KernelLevels
import Testing

@Suite struct ExponentialTests {
  /// Without and, where the processor has it, with fused multiply-add.
  private static let variants: [Int32] = uio2_kernel_levels() > 1 ? [0, 1] : [0]

  @Test(arguments: variants) func exponentialsAreWithinTwoUlps(fused: Int32) {
    var worst = 0.0
    for step in 0...400_000 {
      let x = -87.3 + Float(step) * (175.6 / 400_000)
      worst = max(worst, distanceInUlps(uio2_test_exp(x, fused), exp(Double(x))))
    }
    #expect(worst <= 2)
    #expect(uio2_test_exp(0, fused) == 1)
    #expect(uio2_test_exp(-.infinity, fused) == uio2_test_exp(-87.3, fused))
    for x in [88.4, 88.7, 1e30, Float.infinity] { #expect(uio2_test_exp(x, fused) == .infinity) }
    #expect(uio2_test_exp(.nan, fused).isNaN)
  }

  @Test(arguments: variants) func errorFunctionIsWithinTwoUlps(fused: Int32) {
    var worst = 0.0
    for step in -200_000...200_000 {
      let x = Float(step) * 2.3e-5
      worst = max(worst, distanceInUlps(uio2_test_erf(x, fused), erf(Double(x))))
    }
    #expect(worst <= 2)
    #expect(uio2_test_erf(40, fused) == 1 && uio2_test_erf(-.infinity, fused) == -1)
    #expect(uio2_test_erf(.nan, fused).isNaN)
  }

  @Test(arguments: KernelLevel.all) func sumsOfExponentials(level: KernelLevel) {
    for count in awkwardSizes {
      let x = Guarded(random(count, seed: 1, scale: 20), skew: count % 4)
      var maximum: Float = .nan
      let sum = level.kernels.exp_sum(x.pointer, count, &maximum)
      let top = x.values().max() ?? 0
      #expect(maximum == top)
      expectClose([sum], [x.values().reduce(0) { $0 + exp(Double($1) - Double(top)) }], tolerance: 1e-6)
    }
    var maximum: Float = .nan
    #expect(level.kernels.exp_sum(nil, 0, &maximum) == 0 && maximum == 0)
  }

  @Test(arguments: KernelLevel.all) func softmax(level: KernelLevel) {
    for columns in awkwardSizes {
      let x = Guarded(random(3 * columns, seed: 2, scale: 20), skew: columns % 4), before = x.values().doubles
      level.kernels.softmax(x.pointer, 3, columns, 0.5)
      let expected = (0..<3).flatMap { row -> [Double] in
        let logits = before[row * columns..<(row + 1) * columns]
        let powers = logits.map { exp(0.5 * ($0 - (logits.max() ?? 0))) }, sum = powers.reduce(0, +)
        return powers.map { $0 / sum }
      }
      expectClose(x.values(), expected, tolerance: 1e-6)
    }
  }
}
