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
    let tiling: uio2_tiling, around: Around
    let x: Guarded<Float>
    let weights: Guarded<Float>
    let bias: Guarded<Float>
    let scale: Guarded<Float>
    let shift: Guarded<Float>
    /// Added to the result.
    let added: Guarded<Float>

    init(_ shape: (inputs: Int, outputs: Int, height: Int, width: Int), tiling: uio2_tiling, around: Around) {
      (inputs, outputs, height, width) = shape
      (self.tiling, self.around) = (tiling, around)
      x = Guarded(random(inputs * height * width, seed: 1), skew: 1)
      weights = Guarded(random(outputs * inputs * 9, seed: 2), skew: 3)
      bias = Guarded(random(outputs, seed: 3), skew: 2)
      scale = Guarded(random(inputs, seed: 4), skew: 2)
      shift = Guarded(random(inputs, seed: 5), skew: 1)
      added = Guarded(random(outputs * height * width * (tiling == uio2_tiles_doubled ? 4 : 1), seed: 6), skew: 3)
    }

    var doubling: Bool { tiling == uio2_tiles_doubled }

    var name: String { "\(inputs) to \(outputs), \(height) x \(width), tiling \(tiling.rawValue), \(around)" }

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
      let kernels = level.kernels, panel = kernels.winograd_panel()
      let outputsAtOnce = min(panelsAtOnce, (outputs + panel - 1) / panel) * panel
      let across = uio2_winograd_tiles(width, tiling), down = uio2_winograd_tiles(height, tiling)
      let tiles = rowsAtOnce * across
      let u = Guarded(repeating: Float.nan, count: uio2_winograd_kernels_size(inputs, outputs, tiling), skew: 1)
      let v = Guarded(repeating: Float.nan, count: uio2_winograd_input_size(inputs, tiles, tiling), skew: 2)
      let m = Guarded(repeating: Float.nan, count: uio2_winograd_output_size(outputs, tiles, tiling), skew: 3)
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
            around == .normAndSiLU ? 1 : 0, inputs, $0, $1, height, width, first, rows, tiling)
        }
        for begin in stride(from: 0, to: outputs, by: outputsAtOnce) {
          let count = min(outputsAtOnce, outputs - begin)
          halves((count + panel - 1) / panel) {
            kernels.winograd_weights(u.pointer, weights.pointer + begin * inputs * 9, inputs, count, $0, $1, tiling)
          }
          for point in 0..<uio2_winograd_points(tiling) {
            kernels.winograd_products(m.pointer, v.pointer, u.pointer, inputs, count, rows * across, point, tiling)
          }
          let place = begin * height * width * (doubling ? 4 : 1)
          halves(count) {
            kernels.winograd_output(
              y.pointer + place, m.pointer, bias.pointer + begin, plain ? nil : added.pointer + place, count, $0, $1,
              height, width, first, rows, tiling)
          }
        }
      }
      return y.values()
    }
  }

  @Test(arguments: KernelLevel.all, [uio2_tiles_of_4, uio2_tiles_of_6, uio2_tiles_doubled])
  func agreesWithTheDefinition(level: KernelLevel, tiling: uio2_tiling) {
    let shapes = [
      (1, 1, 1, 1), (3, 5, 4, 4), (2, 7, 3, 15), (7, 13, 9, 17), (5, 6, 12, 64), (17, 3, 5, 65), (8, 12, 6, 130),
      (33, 2, 17, 33), (2, 3, 5, 300), (1, 2, 3, 255), (2, 3, 70, 2), (3, 2, 95, 21), (1, 3, 20, 400), (2, 5, 13, 384),
    ]
    for (shape, around) in zip(shapes, (0..<shapes.count).map { Around.allCases[$0 % 3] }) {
      let size = Case(shape, tiling: tiling, around: around)
      let down = uio2_winograd_tiles(size.height, tiling)
      let whole = size.convolved(level, rowsAtOnce: down)
      expectClose(
        whole, size.reference, tolerance: tiling == uio2_tiles_of_6 ? 4e-5 : 1e-5,
        unit: Double(9 * size.inputs).squareRoot(), "\(size.name)")
      // Nor does it matter how many tiles or kernels are held together.
      expectIdentical(size.convolved(level, rowsAtOnce: down, panelsAtOnce: 1), whole, "panels of \(size.name)")
      for rows in [1, 2] {
        expectIdentical(size.convolved(level, rowsAtOnce: rows), whole, "\(rows) rows of \(size.name)")
      }
    }
  }
}
