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

  @Test(arguments: KernelLevel.all, [1, 17, 64, 65]) func pairsAreAdded(level: KernelLevel, columns: Int) {
    let stride = columns + 3, x = random(6 * stride, seed: 10)
    let y = Guarded(repeating: Float.infinity, count: 3 * (columns + 1), skew: 1), input = Guarded(x, skew: 3)
    level.kernels.add_pairs(y.pointer, columns + 1, input.pointer, stride, 3, columns)
    let values = y.values()
    for row in 0..<3 {
      for column in 0..<columns {
        #expect(
          values[row * (columns + 1) + column] == x[2 * row * stride + column] + x[(2 * row + 1) * stride + column])
      }
      #expect(values[row * (columns + 1) + columns] == .infinity)
    }
  }
}
