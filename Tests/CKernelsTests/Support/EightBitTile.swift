import CKernels
import KernelLevels
import Testing

/// Rows of weights in tiles of 64, packed by one level.
struct EightBitTile {
  let level: KernelLevel
  let weights: [Float]
  let rows: Int, columns: Int, block: Int
  let packed: Guarded<UInt8>
  let scales: Guarded<Float>

  init(_ level: KernelLevel, _ weights: [Float], _ rows: Int, _ columns: Int, _ block: Int) {
    self.level = level
    self.weights = weights
    (self.rows, self.columns, self.block) = (rows, columns, block)
    // An odd address.
    packed = Guarded(repeating: 7, count: uio2_i8_packed_size(rows, columns), skew: 3)
    scales = Guarded(repeating: .nan, count: uio2_i8_scale_count(rows, columns, block), skew: 1)
    let w = Guarded(weights, skew: 2)
    let bytes = uio2_i8_packed_size(1, columns), scaleCount = uio2_i8_scale_count(1, columns, block)
    for tile in 0..<(rows + 63) / 64 {
      level.kernels.i8_pack(
        packed.pointer + tile * bytes, scales.pointer + tile * scaleCount, w.pointer + tile * 64 * columns,
        min(64, rows - tile * 64), columns, block)
    }
  }

  func scale(_ row: Int, _ column: Int) -> Float {
    scales.pointer[row / 64 * uio2_i8_scale_count(1, columns, block) + column / block * 64 + row % 64]
  }

  /// -127...127
  func weight(_ row: Int, _ column: Int) -> Int {
    let tile = packed.pointer + row / 64 * uio2_i8_packed_size(1, columns)
    return Int(tile[column / 4 * 256 + row % 64 * 4 + column % 4]) - 128
  }

  /// `[range.count, outputs]` of 8-bit activations.
  func product(_ x: EightBitActivations, _ range: Range<Int>, outputs: Int) -> [Float] {
    gathered(range.count, outputs) { y, stride in
      level.kernels.i8_gemm(
        y, stride, x.q.pointer + range.lowerBound * x.width, x.scales.pointer + range.lowerBound * x.blocks,
        x.sums.pointer + range.lowerBound * x.blocks, range.count, packed.pointer, scales.pointer, columns, block,
        outputs)
    }
  }

  /// `[count, outputs]` of 32-bit activations `[count, columns]`.
  func product(_ x: [Float], _ count: Int, outputs: Int) -> [Float] {
    // Rows that lie further apart than they are long.
    let stride = columns + 3
    var spread = [Float](repeating: .nan, count: count * stride)
    for row in 0..<count {
      spread.replaceSubrange(row * stride..<row * stride + columns, with: x[row * columns..<(row + 1) * columns])
    }
    let input = Guarded(spread, skew: 3)
    return gathered(count, outputs) {
      level.kernels.i8_rows(
        $0, $1, input.pointer, stride, count, packed.pointer, scales.pointer, columns, block, outputs)
    }
  }

  private func gathered(
    _ count: Int, _ outputs: Int, _ body: (_ y: UnsafeMutablePointer<Float>, _ stride: Int) -> Void
  ) -> [Float] {
    let stride = outputs + 2
    let y = Guarded(repeating: Float.infinity, count: count * stride, skew: 1)
    body(y.pointer, stride)
    let values = y.values()
    return (0..<count).flatMap { row -> ArraySlice<Float> in
      #expect(values[row * stride + outputs] == .infinity && values[row * stride + outputs + 1] == .infinity)
      return values[row * stride..<row * stride + outputs]
    }
  }
}

/// Rows of activations in 8 bits.
struct EightBitActivations {
  let x: [Float]
  let width: Int, blocks: Int
  let q: Guarded<Int8>
  let scales: Guarded<Float>
  let sums: Guarded<Int32>

  init(_ level: KernelLevel, _ x: [Float], _ rows: Int, _ columns: Int, _ block: Int) {
    self.x = x
    width = (columns + 3) / 4 * 4
    blocks = (columns + block - 1) / block
    q = Guarded(repeating: 99, count: rows * width, skew: 5)
    scales = Guarded(repeating: .infinity, count: rows * blocks, skew: 2)
    sums = Guarded(repeating: 7, count: rows * blocks, skew: 3)
    let input = Guarded(x, skew: 1)
    level.kernels.i8_quantize(q.pointer, scales.pointer, sums.pointer, input.pointer, rows, columns, block)
  }
}
