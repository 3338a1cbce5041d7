import CKernels
import KernelLevels
import Testing

/// Activations in 15 bits, as two rows of 8.
@Suite struct PairedActivationTests {
  private struct Pairs {
    let width: Int, blocks: Int
    let q: [Int8], scales: [Float], sums: [Int32]

    init(_ level: KernelLevel, _ x: [Float], _ rows: Int, _ columns: Int, _ block: Int) {
      width = (columns + 3) / 4 * 4
      blocks = (columns + block - 1) / block
      let q = Guarded(repeating: Int8(99), count: 2 * rows * width, skew: 3)
      let scales = Guarded(repeating: Float.infinity, count: 2 * rows * blocks, skew: 1)
      let sums = Guarded(repeating: Int32(-1), count: 2 * rows * blocks, skew: 1)
      let input = Guarded(x, skew: 2)
      level.kernels.i16_quantize(q.pointer, scales.pointer, sums.pointer, input.pointer, rows, columns, block)
      (self.q, self.scales, self.sums) = (q.values(), scales.values(), sums.values())
    }
  }

  @Test(arguments: KernelLevel.all, [4, 64, 256]) func bothRowsTogetherAreTheNumber(level: KernelLevel, block: Int) {
    for (rows, columns) in [(1, 1), (3, 3), (2, 15), (3, 17), (1, 63), (2, 65), (5, 130), (2, 1000)] {
      let x = random(rows * columns, seed: 8, scale: 3)
      let ours = Pairs(level, x, rows, columns, block)
      for row in 0..<rows {
        for b in 0..<ours.blocks {
          let range = b * block..<min(columns, (b + 1) * block)
          let top = range.map { abs(x[row * columns + $0]) }.max() ?? 0
          let high = ours.scales[2 * row * ours.blocks + b], low = ours.scales[(2 * row + 1) * ours.blocks + b]
          #expect(high == top / 127 && low == high / 128)
          var sums: (Int32, Int32) = (0, 0)
          for column in range {
            let upper = ours.q[2 * row * ours.width + column], lower = ours.q[(2 * row + 1) * ours.width + column]
            let value = Double(upper) * Double(high) + Double(lower) * Double(low)
            // Half a unit of the lower row, and what the scales themselves were rounded by.
            #expect(abs(value - Double(x[row * columns + column])) <= Double(low) * 0.51 + Double(top) * 2e-7)
            #expect(abs(Int(upper)) <= 127 && (-64...63).contains(lower))
            sums.0 += Int32(upper)
            sums.1 += Int32(lower)
          }
          #expect(ours.sums[2 * row * ours.blocks + b] == 128 * sums.0)
          #expect(ours.sums[(2 * row + 1) * ours.blocks + b] == 128 * sums.1)
        }
        for padding in columns..<ours.width {
          #expect(ours.q[2 * row * ours.width + padding] == 0 && ours.q[(2 * row + 1) * ours.width + padding] == 0)
        }
      }
    }
  }

  @Test(arguments: KernelLevel.all) func everyLevelRoundsAlikeAndKeepsWhatIsNoNumber(level: KernelLevel) {
    var x = random(4 * 130, seed: 9)
    x[130 + 70] = .nan
    x[2 * 130] = -.infinity
    let ours = Pairs(level, x, 4, 130, 64), portable = Pairs(KernelLevel.all[0], x, 4, 130, 64)
    #expect(ours.q == portable.q && ours.sums == portable.sums)
    expectIdentical(ours.scales, portable.scales)
    for row in 0..<4 {
      for b in 0..<3 {
        let isStrange = (row == 1 && b == 1) || (row == 2 && b == 0)
        #expect(
          ours.scales[2 * row * 3 + b].isNaN == isStrange && ours.scales[(2 * row + 1) * 3 + b].isNaN == isStrange)
      }
    }
  }

  /// Products of the pairs with a tile, `[rows, outputs]`.
  private func product(
    _ level: KernelLevel, _ pairs: Pairs, _ rows: Range<Int>, _ tile: EightBitTile, outputs: Int
  ) -> [Float] {
    let y = Guarded(repeating: Float.infinity, count: rows.count * outputs, skew: 1)
    let scratch = Guarded(repeating: Float.nan, count: 2 * rows.count * 64, skew: 2)
    let planes = 2 * rows.lowerBound..<2 * rows.upperBound
    let q = Guarded(Array(pairs.q[planes.lowerBound * pairs.width..<planes.upperBound * pairs.width]), skew: 3)
    let scales = Guarded(
      Array(pairs.scales[planes.lowerBound * pairs.blocks..<planes.upperBound * pairs.blocks]), skew: 1)
    let sums = Guarded(Array(pairs.sums[planes.lowerBound * pairs.blocks..<planes.upperBound * pairs.blocks]), skew: 1)
    level.kernels.i16_gemm(
      y.pointer, outputs, q.pointer, scales.pointer, sums.pointer, rows.count, tile.packed.pointer, tile.scales.pointer,
      tile.columns, tile.block, outputs, scratch.pointer)
    return y.values()
  }

  /// Sums are exact and one fused step turns them into results, so a processor with an 8-bit dot product says what one without says.
  @Test(arguments: [4, 64, 256, 512]) func levelsThatFuseGiveTheSameBits(block: Int) {
    let levels = KernelLevel.all.filter { $0.description != "portable" }
    for (rows, columns) in [(3, 17), (64, 130), (130, 1028), (257, 516)] {
      let weights = random(rows * columns, seed: 1), x = random(11 * columns, seed: 2)
      let results = levels.map { level in
        product(
          level, Pairs(level, x, 11, columns, block), 0..<11, EightBitTile(level, weights, rows, columns, block),
          outputs: rows)
      }
      for other in results.dropFirst() { expectIdentical(other, results[0]) }
    }
  }

  // Blocks of up to 512 inputs fit 32 bits whole.
  @Test(arguments: KernelLevel.all, [4, 64, 256, 512, 1024]) func sumsOfABlockAreExact(level: KernelLevel, block: Int) {
    for (rows, columns) in [(1, 1), (3, 17), (64, 130), (17, 1000), (130, 1028), (257, 516)] {
      let tile = EightBitTile(level, random(rows * columns, seed: 1), rows, columns, block)
      let pairs = Pairs(level, random(13 * columns, seed: 2), 13, columns, block)
      let y = product(level, pairs, 0..<13, tile, outputs: rows)
      for index in y.indices {
        let row = index / rows, output = index % rows
        var sum = 0.0, magnitude = 0.0
        for plane in [2 * row, 2 * row + 1] {
          for b in 0..<pairs.blocks {
            let dot = (b * block..<min(columns, (b + 1) * block)).reduce(0) {
              $0 + Int(pairs.q[plane * pairs.width + $1]) * tile.weight(output, $1)
            }
            let term =
              Double(dot) * Double(tile.scale(output, b * block))
              * Double(pairs.scales[plane * pairs.blocks + b])
            sum += term
            magnitude += abs(term)
          }
        }
        guard abs(Double(y[index]) - sum) > 4e-7 * magnitude else { continue }
        Issue.record("\(y[index]) is not \(sum): \(rows) x \(columns), element \(index)")
        return
      }
      // A row has the bits that it has alone, or with a few others.
      for row in 0..<13 {
        let count = min(1 + row % 5, 13 - row)
        expectIdentical(
          product(level, pairs, row..<row + 1, tile, outputs: rows), Array(y[row * rows..<(row + 1) * rows]))
        expectIdentical(
          product(level, pairs, row..<row + count, tile, outputs: rows), Array(y[row * rows..<(row + count) * rows]))
      }
    }
  }

  @Test(arguments: KernelLevel.all, [512, 65536]) func extremeIntegersDoNotOverflow(level: KernelLevel, block: Int) {
    let columns = block
    for (sign, other) in [(Float(1), Float(1)), (-1, 1), (-1, -1)] {
      let tile = EightBitTile(level, [Float](repeating: sign, count: columns), 1, columns, block)
      let pairs = Pairs(level, [Float](repeating: other, count: columns), 1, columns, block)
      let y = product(level, pairs, 0..<1, tile, outputs: 2)
      expectClose(y, [Double(sign * other) * Double(columns), 0], tolerance: 1e-6)
    }
  }
}
