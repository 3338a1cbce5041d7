import CKernels

/// Convolutions of 3 × 3 by Winograd's method, F(4×4, 3×3) (Lavin & Gray 2015): a quarter of the products.
///
/// A picture is cut into tiles of 4 × 4 pixels; tiles with their margin and kernels become 36 points each, and for each point there is
/// one matrix product over the channels. What the method loses to rounding is a few units of the last place of the largest terms.
extension Convolution {
  /// Points of a tile.
  private static let points = 36

  /// Whether the method applies, and the tiles' and kernels' points cost less than they save.
  package func suitsWinograd(height: Int, width: Int) -> Bool {
    kernel == 3 && sampling == .same && inputs >= 16 && min(height, width) >= 4
  }

  /// The same as ``callAsFunction(_:)``, up to rounding.
  ///
  /// - Parameters:
  ///   - x: `[inputs, height, width]`.
  ///   - pointLimit: floats of the points of tiles, inputs' and outputs' together, that are held at a time: what a shared cache takes.
  /// - Returns: `[outputs, height, width]`.
  package func byWinograd(_ x: Tensor, pointLimit: Int = 3 << 20) -> Tensor {
    let (height, width) = (x.shape[1], x.shape[2])
    let across = (width + 3) / 4, down = (height + 3) / 4
    let result = Tensor(uninitialized: [outputs, height, width])
    // Equal parts, so that none is a remainder of a few tiles.
    let most = max(1, pointLimit / (Self.points * (inputs + outputs) * across))
    let parts = (down + most - 1) / most, rowsAtOnce = (down + parts - 1) / parts
    let tilesAtOnce = rowsAtOnce * across
    TensorMemory.withScratch(uio2_winograd_kernels_size(inputs, outputs)) { kernels in
      let panel = uio2_winograd_panel()
      Parallel.rows((outputs + panel - 1) / panel, operations: 200 * panel * inputs) { range in
        uio2_winograd_weights(kernels, weight.pointer, inputs, outputs, range.lowerBound, range.count)
      }
      TensorMemory.withScratch(uio2_winograd_points_size(inputs, tilesAtOnce)) { windows in
        TensorMemory.withScratch(uio2_winograd_points_size(outputs, tilesAtOnce)) { sums in
          for first in stride(from: 0, to: down, by: rowsAtOnce) {
            let rows = min(rowsAtOnce, down - first), tiles = rows * across
            Parallel.rows(inputs, operations: 200 * tiles) { range in
              uio2_winograd_input(
                windows, x.pointer, inputs, range.lowerBound, range.count, height, width, first, rows)
            }
            Parallel.forEach(Self.points, operations: 2 * Self.points * outputs * inputs * tiles) { point in
              uio2_winograd_products(sums, windows, kernels, inputs, outputs, tiles, point)
            }
            Parallel.rows(outputs, operations: 200 * tiles) { range in
              uio2_winograd_output(
                result.storage.base, sums, bias.pointer, outputs, range.lowerBound, range.count, height, width, first,
                rows)
            }
          }
        }
      }
    }
    return result
  }
}
