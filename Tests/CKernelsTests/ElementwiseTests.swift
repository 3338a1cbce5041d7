import Foundation
import KernelLevels
import Testing

@Suite struct ElementwiseTests {
  /// Calls `kernel` on a copy of `x` that lies `skew` elements off.
  private func inPlace(_ x: [Float], skew: Int, _ kernel: (UnsafeMutablePointer<Float>) -> Void) -> [Float] {
    let memory = Guarded(x, skew: skew)
    kernel(memory.pointer)
    return memory.values()
  }

  @Test(arguments: KernelLevel.all) func sumsAndFactors(level: KernelLevel) {
    let kernels = level.kernels
    for (skew, count) in awkwardSizes.enumerated() {
      let y = random(count, seed: 1), x = Guarded(random(count, seed: 2), skew: (skew + 1) % 4)
      expectIdentical(
        inPlace(y, skew: skew % 4) { kernels.add($0, x.pointer, count) }, zip(y, x.values()).map { $0 + $1 })
      expectIdentical(inPlace(y, skew: skew % 4) { kernels.scale($0, 1.7, count) }, y.map { $0 * 1.7 })
      let rows = 3, matrix = random(rows * count, seed: 3)
      expectIdentical(
        inPlace(matrix, skew: skew % 4) { kernels.add_bias($0, x.pointer, rows, count) },
        matrix.indices.map { matrix[$0] + x.pointer[$0 % count] })
      let perRow = Guarded(random(rows, seed: 4))
      expectIdentical(
        inPlace(matrix, skew: skew % 4) { kernels.add_to_rows($0, perRow.pointer, rows, count) },
        matrix.indices.map { matrix[$0] + perRow.pointer[$0 / count] })
    }
  }

  @Test(arguments: KernelLevel.all) func activations(level: KernelLevel) {
    let kernels = level.kernels
    for (skew, count) in awkwardSizes.enumerated() {
      let x = random(count, seed: 5, scale: 9), up = Guarded(random(count, seed: 6))
      let silu = x.doubles.map { $0 / (1 + exp(-$0)) }
      expectClose(inPlace(x, skew: skew % 4) { kernels.silu($0, count) }, silu, tolerance: 1e-6, unit: 1e-3)
      expectClose(
        inPlace(x, skew: skew % 4) { kernels.silu_multiply($0, up.pointer, count) },
        zip(silu, up.values()).map { $0 * Double($1) }, tolerance: 1e-6, unit: 1e-3)
      #expect(inPlace(x, skew: skew % 4) { kernels.relu($0, count) } == x.map { max($0, 0) })
      expectClose(
        inPlace(x, skew: skew % 4) { kernels.gelu_tanh($0, count) },
        x.doubles.map { $0 / 2 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) },
        tolerance: 1e-6, unit: 1)
    }
  }

  @Test(arguments: KernelLevel.all) func exactGELU(level: KernelLevel) {
    let x = (-40_000...40_000).map { Float($0) * 2e-4 }
    let y = inPlace(x, skew: 1) { level.kernels.gelu_erf($0, x.count) }
    for (x, y) in zip(x, y) {
      let exact = Double(x) / 2 * erfc(-Double(x) / 2.0.squareRoot())
      // Relative to x: what is left of it far below zero has no digits of its own.
      guard abs(Double(y) - exact) > 2 * Double(x.ulp) else { continue }
      Issue.record("gelu(\(x)) = \(y), not \(exact)")
      return
    }
  }

  @Test(arguments: KernelLevel.all) func farOutAndNotANumber(level: KernelLevel) {
    let kernels = level.kernels
    // Long enough for both the vectors and the rest behind them.
    let far = (0..<37).map { [-1e30, -1e4, -100, 100, 1e4, 1e30, .nan, 0][$0 % 8] as Float }
    let rectified = inPlace(far, skew: 1) { kernels.relu($0, 37) }
    #expect(zip(far, rectified).allSatisfy { $0.isNaN ? $1.isNaN : $1 == max($0, 0) })
    let functions: [(UnsafeMutablePointer<Float>) -> Void] = [
      { kernels.gelu_erf($0, 37) }, { kernels.silu($0, 37) }, { kernels.gelu_tanh($0, 37) },
    ]
    for (index, function) in functions.enumerated() {
      // The cube inside the tanh form overflows beyond 1e12.
      let x = index == 2 ? far.map { abs($0) > 1e6 ? 1e6 * ($0 < 0 ? -1 : 1) : $0 } : far
      for (x, y) in zip(x, inPlace(x, skew: 1, function)) {
        if x.isNaN { #expect(y.isNaN) } else if x >= 0 { #expect(y == x) } else { #expect(abs(y) < 1e-6) }
      }
    }
  }
}
