import CKernels
import Foundation
import KernelLevels
import Testing

/// Convolutions of 3 × 3 by Winograd's method against the sums of the definition.
@Suite struct WinogradTests {
  /// What is done before and after the products.
  private enum Around: CaseIterable {
    case nothing, norm, normAndSiLU
  }

  private struct Case {
    let inputs: Int, outputs: Int, height: Int, width: Int
    let doubling: Bool, around: Around
    let x: Guarded<Float>
    let weights: Guarded<Float>
    let bias: Guarded<Float>
    let scale: Guarded<Float>
    let shift: Guarded<Float>
    /// Added to the result.
    let added: Guarded<Float>

    init(_ shape: (inputs: Int, outputs: Int, height: Int, width: Int), doubling: Bool, around: Around) {
      (inputs, outputs, height, width) = shape
      (self.doubling, self.around) = (doubling, around)
      x = Guarded(random(inputs * height * width, seed: 1), skew: 1)
      weights = Guarded(random(outputs * inputs * 9, seed: 2), skew: 3)
      bias = Guarded(random(outputs, seed: 3), skew: 2)
      scale = Guarded(random(inputs, seed: 4), skew: 2)
      shift = Guarded(random(inputs, seed: 5), skew: 1)
      added = Guarded(random(outputs * height * width * (doubling ? 4 : 1), seed: 6), skew: 3)
    }

    var name: String { "\(inputs) to \(outputs), \(height) x \(width), doubling: \(doubling), \(around)" }

    var reference: [Double] {
      let kernels = weights.values().doubles, factor = doubling ? 2 : 1
      let pixels = x.values().doubles.enumerated().map { index, pixel -> Double in
        guard around != .nothing else { return pixel }
        let channel = index / (height * width)
        let normed = pixel * Double(scale.pointer[channel]) + Double(shift.pointer[channel])
        return around == .norm ? normed : normed / (1 + exp(-normed))
      }
      var result: [Double] = []
      for output in 0..<outputs {
        for row in 0..<factor * height {
          for column in 0..<factor * width {
            var sum = Double(bias.pointer[output])
            if around != .nothing { sum += Double(added.pointer[result.count]) }
            for input in 0..<inputs {
              for place in 0..<9 {
                let y = row + place / 3 - 1, x = column + place % 3 - 1
                guard (0..<factor * height).contains(y), (0..<factor * width).contains(x) else { continue }
                sum +=
                  pixels[(input * height + y / factor) * width + x / factor]
                  * kernels[(output * inputs + input) * 9 + place]
              }
            }
            result.append(sum)
          }
        }
      }
      return result
    }

    /// - Parameters:
    ///   - rowsAtOnce: rows of tiles whose points are held together.
    ///   - panelsAtOnce: of kernels whose points are held together.
    func convolved(_ level: KernelLevel, rowsAtOnce: Int, panelsAtOnce: Int = .max) -> [Float] {
      let kernels = level.kernels, flag: Int32 = doubling ? 1 : 0, panel = kernels.winograd_panel()
      let outputsAtOnce = min(panelsAtOnce, (outputs + panel - 1) / panel) * panel
      let across = uio2_winograd_tiles(width, flag), down = uio2_winograd_tiles(height, flag)
      let tiles = rowsAtOnce * across
      let u = Guarded(repeating: Float.nan, count: uio2_winograd_kernels_size(inputs, outputs, flag), skew: 1)
      let v = Guarded(repeating: Float.nan, count: uio2_winograd_input_size(inputs, tiles, flag), skew: 2)
      let m = Guarded(repeating: Float.nan, count: uio2_winograd_output_size(outputs, tiles, flag), skew: 3)
      let y = Guarded(repeating: Float.nan, count: added.values().count, skew: 1)
      let plain = around == .nothing
      // Shared out in two parts each.
      func halves(_ count: Int, _ body: (_ first: Int, _ count: Int) -> Void) {
        body(0, count / 2)
        body(count / 2, count - count / 2)
      }
      for first in stride(from: 0, to: down, by: rowsAtOnce) {
        let rows = min(rowsAtOnce, down - first)
        halves(inputs) {
          kernels.winograd_input(
            v.pointer, x.pointer, plain ? nil : scale.pointer, plain ? nil : shift.pointer,
            around == .normAndSiLU ? 1 : 0, inputs, $0, $1, height, width, first, rows, flag)
        }
        for begin in stride(from: 0, to: outputs, by: outputsAtOnce) {
          let count = min(outputsAtOnce, outputs - begin)
          halves((count + panel - 1) / panel) {
            kernels.winograd_weights(u.pointer, weights.pointer + begin * inputs * 9, inputs, count, $0, $1, flag)
          }
          for point in 0..<uio2_winograd_points(flag) {
            kernels.winograd_products(
              m.pointer, v.pointer, u.pointer, inputs, outputs, begin, count, rows * across, point, flag)
          }
        }
        halves(outputs) {
          kernels.winograd_output(
            y.pointer, m.pointer, bias.pointer, plain ? nil : added.pointer, outputs, $0, $1, height, width, first,
            rows,
            flag)
        }
      }
      return y.values()
    }
  }

  @Test(arguments: KernelLevel.all, [false, true]) func agreesWithTheDefinition(level: KernelLevel, doubling: Bool) {
    let shapes = [
      (1, 1, 1, 1), (3, 5, 4, 4), (2, 7, 3, 15), (7, 13, 9, 17), (5, 6, 12, 64), (17, 3, 5, 65), (8, 12, 6, 130),
      (33, 2, 17, 33), (2, 3, 5, 300), (1, 2, 3, 255),
    ]
    for (shape, around) in zip(shapes, (0..<shapes.count).map { Around.allCases[$0 % 3] }) {
      let size = Case(shape, doubling: doubling, around: around)
      let down = uio2_winograd_tiles(size.height, doubling ? 1 : 0)
      let whole = size.convolved(level, rowsAtOnce: down)
      expectClose(whole, size.reference, tolerance: 1e-5, unit: Double(9 * size.inputs).squareRoot(), "\(size.name)")
      // Nor does it matter how many tiles or kernels are held together.
      expectIdentical(size.convolved(level, rowsAtOnce: down, panelsAtOnce: 1), whole, "panels of \(size.name)")
      for rows in [1, 2] {
        expectIdentical(size.convolved(level, rowsAtOnce: rows), whole, "\(rows) rows of \(size.name)")
      }
    }
  }
}
