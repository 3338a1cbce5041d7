import CKernels

/// Some rows of one matrix, times all inputs: what one thread computes at a time. Holds addresses only, since threads that count
/// references to the same object at every share wait for each other; see ``MatrixProduct``.
struct MatrixProductShare {
  private let factors: MatrixProductInputs.Factors
  private let rows: Range<Int>
  private let columns: Int
  /// Rows of inputs.
  private let count: Int
  private let target: UnsafeMutablePointer<Float>
  /// Floats from one row of the result to the next.
  private let stride: Int

  /// - Parameters:
  ///   - factors: what they point to outlives the share, as does the target.
  ///   - rows: of the matrix.
  ///   - columns: of the matrix and of the inputs.
  ///   - count: rows of inputs.
  ///   - target: where the first of `rows` goes in the first row of the result.
  init(
    _ factors: MatrixProductInputs.Factors, rows: Range<Int>, columns: Int, count: Int,
    target: UnsafeMutablePointer<Float>, stride: Int
  ) {
    self.factors = factors
    self.rows = rows
    self.columns = columns
    self.count = count
    self.target = target
    self.stride = stride
  }

  /// Computes all of them, on several threads where it is worth it.
  ///
  /// - Parameter operations: of all together.
  static func compute(_ shares: [MatrixProductShare], operations: Int) {
    guard Parallel.isWorthwhile(shares.count, operations: operations) else {
      for share in shares { share.compute() }
      return
    }
    shares.withUnsafeBufferPointer { shares in
      // Not through a closure, which would be counted, too.
      uio2_parallel(
        shares.count, { shares, index in shares?.assumingMemoryBound(to: MatrixProductShare.self)[index].compute() },
        UnsafeMutableRawPointer(mutating: shares.baseAddress))
    }
  }

  private func compute() {
    switch factors {
    case .f32(let weights, .few(let x)):
      uio2_f32_rows(target, stride, weights + rows.lowerBound * columns, x, columns, count, rows.count, columns)
    case .bf16(let weights, .few(let x)):
      uio2_bf16_rows(target, stride, weights + rows.lowerBound * columns, x, columns, count, rows.count, columns)
    case .f32(let weights, .many(let x)):
      multiply(x, by: weights + rows.lowerBound * columns)
    case .bf16(let weights, .many(let x)):
      withScratch(uio2_wide_scratch(rows.count)) {
        uio2_wide_bf16(target, stride, x, count, weights + rows.lowerBound * columns, columns, rows.count, $0)
      }
    case .int8(let matrix, .many(let x)):
      withScratch(rows.count * columns) { wide in
        matrix._withUnsafeGuaranteedRef { $0.widen(rows, into: wide) }
        multiply(x, by: wide)
      }
    case .int8(let matrix, .few(let x)):
      matrix._withUnsafeGuaranteedRef { matrix in
        inTiles(most: 1) { target, stride, tile, outputs in
          uio2_i8_rows(
            target, stride, x, columns, count, matrix.tile(tile), matrix.tileScales(tile), columns, matrix.block,
            outputs)
        }
      }
    case .rounded(let matrix, let x):
      matrix._withUnsafeGuaranteedRef { multiply(x, by: $0) }
    }
  }

  /// Many rows with 32-bit weights.
  private func multiply(_ x: UnsafePointer<Float>, by weights: UnsafePointer<Float>) {
    withScratch(uio2_wide_scratch(rows.count)) {
      uio2_wide_f32(target, stride, x, count, weights, columns, rows.count, $0)
    }
  }

  /// With activations in 8 or 15 bits.
  private func multiply(_ x: QuantizedActivations.Pointers, by matrix: QuantizedMatrix) {
    inTiles(most: .max) { target, stride, tile, outputs in
      let packed = matrix.tile(tile), scales = matrix.tileScales(tile)
      guard x.isPaired else {
        return uio2_i8_gemm(
          target, stride, x.values, x.scales, x.sums, count, packed, scales, columns, matrix.block, outputs)
      }
      withScratch(2 * count * QuantizedMatrix.tileRows) {
        uio2_i16_gemm(
          target, stride, x.values, x.scales, x.sums, count, packed, scales, columns, matrix.block, outputs, $0)
      }
    }
  }

  /// Calls `body` for the tiles of ``rows``; where these do not begin with one, through memory for the whole tile.
  ///
  /// - Parameter most: tiles at a time.
  private func inTiles(
    most: Int, _ body: (_ target: UnsafeMutablePointer<Float>, _ stride: Int, _ tile: Int, _ outputs: Int) -> Void
  ) {
    let tile = QuantizedMatrix.tileRows
    var first = rows.lowerBound
    while first < rows.upperBound {
      let skipped = first % tile, target = target + (first - rows.lowerBound)
      if skipped == 0 {
        let count = rows.upperBound - first, outputs = count / tile < most ? count : most * tile
        body(target, stride, first / tile, outputs)
        first += outputs
      } else {
        let end = min(rows.upperBound, (first / tile + 1) * tile), width = skipped + end - first
        withScratch(count * width) { whole in
          body(whole, width, first / tile, width)
          for row in 0..<count {
            (target + row * stride).update(from: whole + row * width + skipped, count: end - first)
          }
        }
        first = end
      }
    }
  }

  /// Memory for `count` floats as long as `body` runs: a little of it on the stack, which nobody else waits for.
  private func withScratch(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
    guard count <= 4096 else { return TensorMemory.withScratch(count, body) }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { memory in
      guard let base = memory.baseAddress else { return }
      body(base)
    }
  }
}
