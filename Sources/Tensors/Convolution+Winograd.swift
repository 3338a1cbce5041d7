import CKernels

/// How Winograd's method cuts a picture.
package enum WinogradTiling: Sendable, CaseIterable {
  /// 4 × 4 pixels by 36 products.
  case four
  /// 6 × 6 pixels by 64 products.
  case six
  /// 4 × 4 pixels, each of which is first repeated twice in both directions, by 81 products.
  case doubling

  /// The kernels' word for it.
  package var kernels: uio2_tiling {
    switch self {
    case .four: uio2_tiles_of_4
    case .six: uio2_tiles_of_6
    case .doubling: uio2_tiles_doubled
    }
  }

  /// Tiles along a side of so many pixels.
  package func tiles(along side: Int) -> Int { uio2_winograd_tiles(side, kernels) }
  /// Products of a tile, for each input and output.
  package var points: Int { uio2_winograd_points(kernels) }
}

/// Convolutions of 3 × 3 by Winograd's method (Lavin & Gray 2015): a quarter of the products, or a fifth.
///
/// A picture is cut into tiles of 4 × 4 pixels, large ones into tiles of 6 × 6; tiles with their margin and kernels become 36 or 64
/// points each, and for each point there is one matrix product over the channels. Where the picture is doubled first, 81 products of
/// 25 points make the 64 pixels of a tile, fewer again, and the larger picture is never made. What the method loses to rounding is a
/// few units of the last place of the largest terms with tiles of 4, four times as much with tiles of 6.
extension Convolution {
  /// Floats of the points of kernels that are held at a time where they are made anew: what a shared cache takes beside the tiles'.
  private static let kernelLimit = 1 << 20

  /// Whether the method applies, and the tiles' and kernels' points cost less than they save.
  package func suitsWinograd(height: Int, width: Int) -> Bool {
    kernel == 3 && sampling == .same && inputs >= 16 && min(height, width) >= 4
  }

  /// Whether doubling costs less by products of its own: 81 points of each kernel want many tiles.
  package func suitsDoubling(height: Int, width: Int) -> Bool {
    suitsWinograd(height: height, width: width) && height * width >= Self.manyPixels
  }

  /// Pixels from which on more points of each kernel pay.
  private static let manyPixels = 48 * 48

  /// How a picture that is not doubled is cut: larger tiles where they save a tenth of the products.
  package static func tiling(height: Int, width: Int) -> WinogradTiling {
    let products = { (tiling: WinogradTiling) in
      tiling.tiles(along: height) * tiling.tiles(along: width) * tiling.points
    }
    return height * width >= manyPixels && 10 * products(.six) <= 9 * products(.four) ? .six : .four
  }

  /// The same as ``callAsFunction(_:of:)`` or ``ofDoubled(_:)``, up to rounding.
  ///
  /// - Parameters:
  ///   - x: `[inputs, height, width]`.
  ///   - norm: applied to `x` first, with SiLU.
  ///   - tiling: how the picture is cut.
  ///   - windowLimit: most floats of the points of tiles for which all tiles pass at once.
  ///   - pointLimit: otherwise, floats of the points of tiles and of sums that are held at a time: what a shared cache takes.
  /// - Returns: `[outputs, height, width]`, or twice both sides when doubling.
  package func byWinograd(
    _ x: Tensor, of norm: GroupNorm? = nil, tiling: WinogradTiling, windowLimit: Int = 5 << 20,
    pointLimit: Int = 3 << 20
  ) -> Tensor {
    let factor = tiling == .doubling ? 2 : 1
    var result = Tensor(uninitialized: [outputs, factor * x.shape[1], factor * x.shape[2]])
    byWinograd(
      x, of: norm, into: &result, adding: false, tiling: tiling, windowLimit: windowLimit, pointLimit: pointLimit)
    return result
  }

  /// Writes the convolution into `result`, or adds it to what is there.
  func byWinograd(
    _ x: Tensor, of norm: GroupNorm?, into result: inout Tensor, adding: Bool, tiling: WinogradTiling,
    windowLimit: Int = 5 << 20, pointLimit: Int = 3 << 20
  ) {
    let (height, width, flag) = (x.shape[1], x.shape[2], tiling.kernels)
    let across = tiling.tiles(along: width), down = tiling.tiles(along: height)
    let points = tiling.points, target = result.mutablePointer()
    let factors = norm.map { $0.factors(of: x) }
    let panel = uio2_winograd_panel(), whole = (outputs + panel - 1) / panel * panel
    let rowsAtOnce: Int, outputsAtOnce: Int
    if uio2_winograd_input_size(inputs, across * down, flag) <= windowLimit {
      // All tiles at once; kernels are made a few outputs at a time and never leave the cache.
      rowsAtOnce = down
      outputsAtOnce = min(whole, max(1, Self.kernelLimit / (points * inputs * panel)) * panel)
    } else {
      // All kernels at once, and equal parts of the tiles, so that none is a remainder of a few.
      let room =
        across * (uio2_winograd_input_size(inputs, 64, flag) + uio2_winograd_output_size(outputs, 64, flag)) / 64
      let most = max(1, pointLimit / room), parts = (down + most - 1) / most
      rowsAtOnce = (down + parts - 1) / parts
      outputsAtOnce = whole
    }
    let kernelsChange = outputsAtOnce < whole
    TensorMemory.withScratch(uio2_winograd_kernels_size(inputs, outputsAtOnce, flag)) { kernels in
      func makeKernels(_ begin: Int, _ count: Int) {
        Parallel.rows((count + panel - 1) / panel, operations: 6 * points * panel * inputs) { range in
          uio2_winograd_weights(
            kernels, weight.pointer + begin * inputs * 9, inputs, count, range.lowerBound, range.count, flag)
        }
      }
      if !kernelsChange { makeKernels(0, outputs) }
      TensorMemory.withScratch(uio2_winograd_input_size(inputs, rowsAtOnce * across, flag)) { windows in
        TensorMemory.withScratch(uio2_winograd_output_size(outputsAtOnce, rowsAtOnce * across, flag)) { sums in
          for first in stride(from: 0, to: down, by: rowsAtOnce) {
            let rows = min(rowsAtOnce, down - first), tiles = rows * across
            Parallel.rows(inputs, operations: (factors == nil ? 200 : 600) * tiles) { range in
              uio2_winograd_input(
                windows, x.pointer, factors?.scale.pointer, factors?.shift.pointer, 1, inputs, range.lowerBound,
                range.count, height, width, first, rows, flag)
            }
            for begin in stride(from: 0, to: outputs, by: outputsAtOnce) {
              let count = min(outputsAtOnce, outputs - begin), target = target + begin * (result.count / outputs)
              if kernelsChange { makeKernels(begin, count) }
              Parallel.forEach(points, operations: 2 * points * count * inputs * tiles) { point in
                uio2_winograd_products(sums, windows, kernels, inputs, count, tiles, point, flag)
              }
              Parallel.rows(count, operations: 6 * points * tiles) { range in
                uio2_winograd_output(
                  target, sums, bias.pointer + begin, adding ? target : nil, count, range.lowerBound, range.count,
                  height, width, first, rows, flag)
              }
            }
          }
        }
      }
    }
  }
}
