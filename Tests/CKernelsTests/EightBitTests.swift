import CKernels
import KernelLevels
import Testing

@Suite struct EightBitTests {
  static let blocks = [4, 64, 256, 65536]
  static let shapes = [(1, 1), (3, 3), (15, 17), (64, 15), (63, 65), (17, 130), (64, 1000), (5, 64)]

  @Test(arguments: KernelLevel.all, blocks) func weightsComeBackToHalfAScale(level: KernelLevel, block: Int) {
    for (rows, columns) in Self.shapes {
      let tile = EightBitTile(level, random(rows * columns, seed: 1), rows, columns, block)
      let packed = tile.packed.values(), scales = tile.scales.values()
      #expect(scales.allSatisfy { $0 >= 0 && $0.isFinite })
      // Outputs and inputs that do not exist are zero, which is 128.
      for place in packed.indices {
        let column = place / 256 * 4 + place % 4, row = place / 4 % 64
        if row >= rows || column >= columns { #expect(packed[place] == 128) } else { #expect(packed[place] > 0) }
      }
      for first in Set([0, rows / 2, rows - 1]) {
        let stride = columns + 2, count = rows - first
        let wide = Guarded(repeating: Float.infinity, count: count * stride, skew: 3)
        level.kernels.i8_widen(
          wide.pointer, stride, tile.packed.pointer, tile.scales.pointer, columns, block, first, count)
        let values = wide.values()
        for row in 0..<count {
          #expect(values[row * stride + columns] == .infinity)
          for column in 0..<columns {
            let exact = tile.weights[(first + row) * columns + column]
            let error = abs(values[row * stride + column] - exact), scale = tile.scale(first + row, column)
            // Half a scale, and what rounding the number itself may add.
            if error > scale * 0.50001 + exact.ulp { Issue.record("\(exact) became \(values[row * stride + column])") }
          }
        }
      }
    }
  }

  @Test(arguments: KernelLevel.all, blocks) func activationsAreRoundedToNearest(level: KernelLevel, block: Int) {
    for (rows, columns) in [(1, 1), (3, 3), (2, 15), (3, 17), (1, 63), (2, 65), (5, 130), (2, 1000)] {
      var x = random(rows * columns, seed: 2, scale: 3)
      // A row of zeros.
      if rows > 2 { for column in 0..<columns { x[columns + column] = 0 } }
      let ours = EightBitActivations(level, x, rows, columns, block)
      let q = ours.q.values(), scales = ours.scales.values(), sums = ours.sums.values()
      for row in 0..<rows {
        for b in 0..<ours.blocks {
          let range = b * block..<min(columns, (b + 1) * block)
          let top = range.map { abs(x[row * columns + $0]) }.max() ?? 0
          #expect(scales[row * ours.blocks + b] == top / 127)
          let expected = range.map { top == 0 ? 0 : (x[row * columns + $0] * (127 / top)).rounded(.toNearestOrEven) }
          let found = range.map { q[row * ours.width + $0] }
          #expect(found.map { Float($0) } == expected)
          #expect(found.allSatisfy { $0 >= -127 })
          #expect(sums[row * ours.blocks + b] == 128 * found.reduce(0) { $0 + Int32($1) })
        }
        #expect((columns..<ours.width).allSatisfy { q[row * ours.width + $0] == 0 })
      }
    }
  }

  @Test(arguments: KernelLevel.all) func everyLevelPacksAndRoundsAlike(level: KernelLevel) {
    let w = random(40 * 130, seed: 3), x = random(5 * 130, seed: 4)
    let portable = KernelLevel.all[0]
    let a = EightBitTile(level, w, 40, 130, 64), b = EightBitTile(portable, w, 40, 130, 64)
    #expect(a.packed.values() == b.packed.values())
    expectIdentical(a.scales.values(), b.scales.values())
    let c = EightBitActivations(level, x, 5, 130, 64), d = EightBitActivations(portable, x, 5, 130, 64)
    #expect(c.q.values() == d.q.values() && c.sums.values() == d.sums.values())
    expectIdentical(c.scales.values(), d.scales.values())
  }

  @Test(arguments: KernelLevel.all) func extremeNumbersKeepTheirSize(level: KernelLevel) {
    for top in [Float.greatestFiniteMagnitude, 1e38, 1e20, 1e-20, 0x1p-118] {
      for columns in [5, 70] {
        var x = [Float](repeating: top / 3, count: columns)
        x[columns - 1] = -top
        let ours = EightBitActivations(level, x, 1, columns, 256)
        #expect(ours.q.values()[columns - 1] == -127 && ours.q.values()[0] == 42)
        #expect(ours.scales.values() == [top / 127])
        let tile = EightBitTile(level, x, 1, columns, 256)
        #expect(tile.packed.values()[(columns - 1) / 4 * 256 + (columns - 1) % 4] == 1)
      }
    }
    // Too small for a scale that is a normal number: zeros.
    for tiny in [Float(0x1p-119), 1e-38, 0x1p-133, .leastNonzeroMagnitude, -0.0] {
      let x = [Float](repeating: -tiny, count: 70)
      let ours = EightBitActivations(level, x, 1, 70, 256)
      #expect(ours.q.values().allSatisfy { $0 == 0 } && ours.scales.values() == [0] && ours.sums.values() == [0])
      let tile = EightBitTile(level, x, 1, 70, 256)
      #expect(tile.packed.values().allSatisfy { $0 == 128 } && tile.scales.values().allSatisfy { $0 == 0 })
    }
  }

  @Test(arguments: KernelLevel.all, [Float.infinity, -.infinity, .nan, -.nan, Float(bitPattern: 0x7f80_007f)])
  func whatIsNoNumberStaysNone(level: KernelLevel, strange: Float) {
    for columns in [3, 17, 70, 130] {
      for place in Set([0, columns / 2, columns - 1]) {
        var x = random(3 * columns, seed: 5)
        x[columns + place] = strange
        let block = 64, activations = EightBitActivations(level, x, 3, columns, block)
        let scales = activations.scales.values()
        for index in scales.indices {
          #expect(scales[index].isNaN == (index == activations.blocks + place / block))
        }
        #expect(activations.q.values().allSatisfy { $0 >= -127 })
        let tile = EightBitTile(level, random(20 * columns, seed: 6), 20, columns, block)
        let y = tile.product(activations, 0..<3, outputs: 20)
        #expect(y[20..<40].allSatisfy { $0.isNaN }, "the row of \(strange)")
        #expect(y[..<20].allSatisfy { $0.isFinite } && y[40...].allSatisfy { $0.isFinite }, "the other rows")

        // The same among the weights: their output is none, too.
        let weights = EightBitTile(level, x, 3, columns, block)
        let fine = EightBitActivations(level, random(2 * columns, seed: 7), 2, columns, block)
        let byBoth = [weights.product(fine, 0..<2, outputs: 3), weights.product(fine.x, 2, outputs: 3)]
        for y in byBoth { for index in 0..<6 { #expect(y[index].isNaN == (index % 3 == 1)) } }
      }
    }
  }
}
