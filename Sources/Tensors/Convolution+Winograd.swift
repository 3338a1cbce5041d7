import CKernels

/// Convolutions of 3 × 3 by Winograd's method, F(4×4, 3×3) (Lavin & Gray 2015): a quarter of the products.
///
/// A picture is cut into tiles of 4 × 4 pixels; tiles with their margin and kernels become 36 points each, and for each point there is
/// one matrix product over the channels. Where the picture is doubled first, 81 products of 25 points make the 64 pixels of a tile,
/// fewer again, and the larger picture is never made. What the method loses to rounding is a few units of the last place of the
/// largest terms.
extension Convolution {
  /// Floats of the points of kernels that a shared cache takes beside those of the tiles.
  private static let kernelLimit = 1 << 20

  /// Whether the method applies, and the tiles' and kernels' points cost less than they save.
  package func suitsWinograd(height: Int, width: Int) -> Bool {
    kernel == 3 && sampling == .same && inputs >= 16 && min(height, width) >= 4
  }

  /// Whether doubling costs less by products of its own: 81 points of each kernel want many tiles.
  package func suitsDoubling(height: Int, width: Int) -> Bool {
    suitsWinograd(height: height, width: width) && height * width >= 48 * 48
  }

  /// The same as ``callAsFunction(_:of:)`` or ``ofDoubled(_:)``, up to rounding.
  ///
  /// - Parameters:
  ///   - x: `[inputs, height, width]`.
  ///   - norm: applied to `x` first, with SiLU.
  ///   - doubling: whether each pixel of `x` is first repeated twice in both directions.
  ///   - pointLimit: floats of the points of tiles, inputs' and outputs' together, that are held at a time: what a shared cache takes.
  /// - Returns: `[outputs, height, width]`, or twice both sides.
  package func byWinograd(
    _ x: Tensor, of norm: GroupNorm? = nil, doubling: Bool = false, pointLimit: Int = 3 << 20
  ) -> Tensor {
    let factor = doubling ? 2 : 1
    var result = Tensor(uninitialized: [outputs, factor * x.shape[1], factor * x.shape[2]])
    byWinograd(x, of: norm, into: &result, adding: false, doubling: doubling, pointLimit: pointLimit)
    return result
  }

  /// Writes the convolution into `result`, or adds it to what is there.
  func byWinograd(
    _ x: Tensor, of norm: GroupNorm?, into result: inout Tensor, adding: Bool, doubling: Bool = false,
    pointLimit: Int = 3 << 20
  ) {
    let (height, width) = (x.shape[1], x.shape[2]), flag: Int32 = doubling ? 1 : 0
    let across = uio2_winograd_tiles(width, flag), down = uio2_winograd_tiles(height, flag)
    let points = uio2_winograd_points(flag), target = result.mutablePointer()
    // Equal parts, so that none is a remainder of a few tiles.
    let room = across * (uio2_winograd_input_size(inputs, 64, flag) + uio2_winograd_output_size(outputs, 64, flag)) / 64
    let most = max(1, pointLimit / room)
    let parts = (down + most - 1) / most, rowsAtOnce = (down + parts - 1) / parts
    let tilesAtOnce = rowsAtOnce * across
    let factors = norm.map { $0.factors(of: x) }
    // Where the tiles pass once, kernels are made a few outputs at a time and never leave the cache.
    let panel = uio2_winograd_panel(), whole = (outputs + panel - 1) / panel * panel
    let outputsAtOnce =
      parts > 1 ? whole : min(whole, max(1, Self.kernelLimit / (points * inputs * panel)) * panel)
    TensorMemory.withScratch(uio2_winograd_kernels_size(inputs, outputsAtOnce, flag)) { kernels in
      func makeKernels(_ begin: Int, _ count: Int) {
        Parallel.rows((count + panel - 1) / panel, operations: 6 * points * panel * inputs) { range in
          uio2_winograd_weights(
            kernels, weight.pointer + begin * inputs * 9, inputs, count, range.lowerBound, range.count, flag)
        }
      }
      if parts > 1 { makeKernels(0, outputs) }
      TensorMemory.withScratch(uio2_winograd_input_size(inputs, tilesAtOnce, flag)) { windows in
        TensorMemory.withScratch(uio2_winograd_output_size(outputs, tilesAtOnce, flag)) { sums in
          for first in stride(from: 0, to: down, by: rowsAtOnce) {
            let rows = min(rowsAtOnce, down - first), tiles = rows * across
            Parallel.rows(inputs, operations: (factors == nil ? 200 : 600) * tiles) { range in
              uio2_winograd_input(
                windows, x.pointer, factors?.scale.pointer, factors?.shift.pointer, 1, inputs, range.lowerBound,
                range.count, height, width, first, rows, flag)
            }
            for begin in stride(from: 0, to: outputs, by: outputsAtOnce) {
              let count = min(outputsAtOnce, outputs - begin)
              if parts == 1 { makeKernels(begin, count) }
              Parallel.forEach(points, operations: 2 * points * count * inputs * tiles) { point in
                uio2_winograd_products(
                  sums, windows, kernels, inputs, outputs, begin, count, tiles, point, flag)
              }
            }
            Parallel.rows(outputs, operations: 6 * points * tiles) { range in
              uio2_winograd_output(
                target, sums, bias.pointer, adding ? target : nil, outputs, range.lowerBound, range.count, height,
                width, first, rows, flag)
            }
          }
        }
      }
    }
  }
}
