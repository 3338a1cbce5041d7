import KernelLevels
import Testing

@Suite struct EightBitProductTests {
  private static let count = 13
  static let severalTiles = [(65, 3), (129, 130), (257, 70)]

  private func tile(_ level: KernelLevel, _ shape: (rows: Int, columns: Int), _ block: Int) -> EightBitTile {
    EightBitTile(level, random(shape.rows * shape.columns, seed: 1), shape.rows, shape.columns, block)
  }

  /// Exact integer sums of each block, scaled and added in double precision; and the sum of the terms' magnitudes.
  private func exact(_ tile: EightBitTile, _ x: EightBitActivations, _ row: Int, _ output: Int) -> (Double, Double) {
    var sum = 0.0, magnitude = 0.0
    for b in 0..<x.blocks {
      let dot = (b * tile.block..<min(tile.columns, (b + 1) * tile.block)).reduce(0) {
        $0 + Int(x.q.pointer[row * x.width + $1]) * tile.weight(output, $1)
      }
      let term =
        Double(dot) * Double(tile.scale(output, b * tile.block)) * Double(x.scales.pointer[row * x.blocks + b])
      sum += term
      magnitude += abs(term)
    }
    return (sum, magnitude)
  }

  @Test(arguments: KernelLevel.all, EightBitTests.blocks) func sumsOfABlockAreExact(level: KernelLevel, block: Int) {
    for shape in EightBitTests.shapes + Self.severalTiles {
      let (rows, columns) = shape, tile = tile(level, shape, block)
      let x = EightBitActivations(level, random(Self.count * columns, seed: 2), Self.count, columns, block)
      for outputs in Set([rows, max(1, rows - 1), (rows + 63) / 64 * 64]) {
        let y = tile.product(x, 0..<Self.count, outputs: outputs)
        for index in y.indices {
          let (sum, magnitude) = exact(tile, x, index / outputs, index % outputs)
          // Two roundings of every block's factor and one of each sum.
          guard abs(Double(y[index]) - sum) > 3e-7 * magnitude else { continue }
          Issue.record("\(y[index]) is not \(sum): \(rows) x \(columns), element \(index)")
          return
        }
      }
    }
  }

  @Test(arguments: KernelLevel.all) func oneBlockHasTheSameBitsOnEveryLevel(level: KernelLevel) {
    let shape = (64, 1000), x = random(Self.count * 1000, seed: 3)
    func product(_ level: KernelLevel) -> [Float] {
      tile(level, shape, 65536).product(
        EightBitActivations(level, x, Self.count, 1000, 65536), 0..<Self.count, outputs: 64)
    }
    expectIdentical(product(level), product(KernelLevel.all[0]))
  }

  @Test(arguments: KernelLevel.all) func extremeIntegersDoNotOverflow(level: KernelLevel) {
    // All weights and activations at the end of their range, the longest block that is allowed.
    let columns = 65536
    for sign in [Float(1), -1] {
      let tile = EightBitTile(level, [Float](repeating: sign, count: columns), 1, columns, 65536)
      let x = EightBitActivations(level, [Float](repeating: 1, count: columns), 1, columns, 65536)
      let y = tile.product(x, 0..<1, outputs: 2)
      expectClose(y, [Double(sign) * Double(columns), 0], tolerance: 1e-6)
    }
  }

  // Few rows take runs of several tiles and blocks in turn, many take tile after tile.
  @Test(arguments: KernelLevel.all, [4, 512, 1000, 65536])
  func severalTilesAtOnceDoNotDependOnTheRows(level: KernelLevel, block: Int) {
    for shape in Self.severalTiles + [(190, 1540), (64, 2052)] {
      let (rows, columns) = shape, tile = tile(level, shape, block)
      let x = EightBitActivations(level, random(Self.count * columns, seed: 6), Self.count, columns, block)
      let all = tile.product(x, 0..<Self.count, outputs: rows)
      for count in 1...6 {
        expectIdentical(tile.product(x, 0..<count, outputs: rows), all[..<(count * rows)], "\(shape), \(count) rows")
      }
    }
  }

  @Test(arguments: KernelLevel.all, [4, 64, 65536]) func aRowDoesNotDependOnTheOthers(level: KernelLevel, block: Int) {
    for shape in [(3, 3), (17, 130), (64, 1000)] {
      let (rows, columns) = shape, tile = tile(level, shape, block)
      let x = EightBitActivations(level, random(Self.count * columns, seed: 4), Self.count, columns, block)
      let inEightBits = tile.product(x, 0..<Self.count, outputs: rows)
      let inFull = tile.product(x.x, Self.count, outputs: rows)
      for count in 1...Self.count {
        let start = Self.count - count
        expectIdentical(tile.product(x, start..<Self.count, outputs: rows), inEightBits[(start * rows)...])
        expectIdentical(
          tile.product(x, start..<start + 1, outputs: rows), inEightBits[start * rows..<(start + 1) * rows])
        expectIdentical(
          tile.product(Array(x.x[(start * columns)...]), count, outputs: rows), inFull[(start * rows)...])
        expectIdentical(
          tile.product(Array(x.x[start * columns..<(start + 1) * columns]), 1, outputs: rows),
          inFull[start * rows..<(start + 1) * rows])
      }
    }
  }

  @Test(arguments: KernelLevel.all, EightBitTests.blocks)
  func fullActivationsAgreeWithTheDefinition(level: KernelLevel, block: Int) {
    for shape in EightBitTests.shapes {
      let (rows, columns) = shape, tile = tile(level, shape, block), count = 3
      let x = random(count * columns, seed: 5)
      let y = tile.product(x, count, outputs: rows)
      let reference = y.indices.map { index in
        (0..<columns).reduce(0.0) {
          $0 + Double(x[index / rows * columns + $1]) * Double(tile.weight(index % rows, $1))
            * Double(tile.scale(index % rows, $1))
        }
      }
      expectClose(y, reference, tolerance: 1e-6, unit: Double(columns).squareRoot(), "\(rows) x \(columns)")
    }
  }
}
