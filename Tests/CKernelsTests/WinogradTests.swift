import CKernels
import KernelLevels
import Testing

/// Convolutions of 3 × 3 by Winograd's method against the sums of the definition.
@Suite struct WinogradTests {
  private struct Case {
    let inputs: Int, outputs: Int, height: Int, width: Int
    let x: Guarded<Float>
    let weights: Guarded<Float>
    let bias: Guarded<Float>

    init(_ inputs: Int, _ outputs: Int, _ height: Int, _ width: Int) {
      (self.inputs, self.outputs, self.height, self.width) = (inputs, outputs, height, width)
      x = Guarded(random(inputs * height * width, seed: 1), skew: 1)
      weights = Guarded(random(outputs * inputs * 9, seed: 2), skew: 3)
      bias = Guarded(random(outputs, seed: 3), skew: 2)
    }

    var reference: [Double] {
      let (pixels, kernels) = (x.values().doubles, weights.values().doubles)
      var result: [Double] = []
      for output in 0..<outputs {
        for row in 0..<height {
          for column in 0..<width {
            var sum = Double(bias.pointer[output])
            for input in 0..<inputs {
              for place in 0..<9 {
                let y = row + place / 3 - 1, x = column + place % 3 - 1
                guard (0..<height).contains(y), (0..<width).contains(x) else { continue }
                sum += pixels[(input * height + y) * width + x] * kernels[(output * inputs + input) * 9 + place]
              }
            }
            result.append(sum)
          }
        }
      }
      return result
    }

    /// - Parameter rowsAtOnce: rows of tiles whose points are held together.
    func convolved(_ level: KernelLevel, rowsAtOnce: Int) -> [Float] {
      let kernels = level.kernels
      let panels = (outputs + kernels.winograd_panel() - 1) / kernels.winograd_panel()
      let across = (width + 3) / 4, down = (height + 3) / 4, tiles = rowsAtOnce * across
      let u = Guarded(repeating: Float.nan, count: uio2_winograd_kernels_size(inputs, outputs), skew: 1)
      let v = Guarded(repeating: Float.nan, count: uio2_winograd_points_size(inputs, tiles), skew: 2)
      let m = Guarded(repeating: Float.nan, count: uio2_winograd_points_size(outputs, tiles), skew: 3)
      let y = Guarded(repeating: Float.nan, count: outputs * height * width, skew: 1)
      // Shared out in two parts each.
      func halves(_ count: Int, _ body: (_ first: Int, _ count: Int) -> Void) {
        body(0, count / 2)
        body(count / 2, count - count / 2)
      }
      halves(panels) { kernels.winograd_weights(u.pointer, weights.pointer, inputs, outputs, $0, $1) }
      for first in stride(from: 0, to: down, by: rowsAtOnce) {
        let rows = min(rowsAtOnce, down - first)
        halves(inputs) { kernels.winograd_input(v.pointer, x.pointer, inputs, $0, $1, height, width, first, rows) }
        for point in 0..<36 {
          kernels.winograd_products(m.pointer, v.pointer, u.pointer, inputs, outputs, rows * across, point)
        }
        halves(outputs) {
          kernels.winograd_output(y.pointer, m.pointer, bias.pointer, outputs, $0, $1, height, width, first, rows)
        }
      }
      return y.values()
    }
  }

  @Test(arguments: KernelLevel.all) func agreesWithTheDefinition(level: KernelLevel) {
    let shapes = [
      (1, 1, 1, 1), (3, 5, 4, 4), (2, 7, 3, 15), (7, 13, 9, 17), (5, 6, 12, 64), (17, 3, 5, 65), (8, 12, 6, 130),
      (33, 2, 17, 33),
    ]
    for (inputs, outputs, height, width) in shapes {
      let size = Case(inputs, outputs, height, width)
      let whole = size.convolved(level, rowsAtOnce: (height + 3) / 4)
      expectClose(whole, size.reference, tolerance: 1e-5, unit: Double(9 * inputs).squareRoot(), "\(size)")
      // Nor does it matter how many tiles are held together.
      for rows in [1, 2] { expectIdentical(size.convolved(level, rowsAtOnce: rows), whole, "\(rows) rows of \(size)") }
    }
  }
}
