import CKernels

/// Some rows of one matrix, times all inputs: what one thread computes at a time, or a whole matrix that is cut into such shares.
///
/// Holds addresses only, since threads that count references to the same object at every share wait for each other; see
/// ``MatrixProduct``.
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
  ///   - stride: floats from one row of the result to the next.
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

  /// Computes all of them, cut into shares of at most `unit` rows that begin at its multiples, on several threads where it is worth it.
  ///
  /// - Parameter operations: of all together.
  static func compute(_ products: [MatrixProductShare], unit: Int, operations: Int) {
    products.withUnsafeBufferPointer { products in
      var work = Work(products: products, unit: unit)
      guard Parallel.isWorthwhile(work.shares, operations: operations) else {
        for product in products { product.compute() }
        return
      }
      withUnsafeMutablePointer(to: &work) { work in
        // Not through a closure, which would be counted, too.
        uio2_parallel(
          work.pointee.shares,
          { work, index in work?.assumingMemoryBound(to: Work.self).pointee.share(index)?.compute() }, work)
      }
    }
  }

  /// The shares of all products of a call, one behind the other.
  private struct Work {
    let products: UnsafeBufferPointer<MatrixProductShare>
    let unit: Int

    var shares: Int { products.reduce(0) { $0 + $1.units(of: unit).count } }

    func share(_ index: Int) -> MatrixProductShare? {
      var index = index
      for product in products {
        let units = product.units(of: unit)
        if index < units.count { return product.part(units.lowerBound + index, of: unit) }
        index -= units.count
      }
      return nil
    }
  }

  /// The multiples of `unit` that the rows touch.
  private func units(of unit: Int) -> Range<Int> {
    rows.isEmpty ? 0..<0 : rows.lowerBound / unit..<(rows.upperBound + unit - 1) / unit
  }

  /// The rows that lie in one of ``units(of:)``.
  private func part(_ index: Int, of unit: Int) -> MatrixProductShare {
    let part = rows.clamped(to: index * unit..<(index + 1) * unit)
    return MatrixProductShare(
      factors, rows: part, columns: columns, count: count, target: target + (part.lowerBound - rows.lowerBound),
      stride: stride)
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
      TensorMemory.withScratch(uio2_wide_scratch(rows.count)) {
        uio2_wide_bf16(target, stride, x, count, weights + rows.lowerBound * columns, columns, rows.count, $0)
      }
    case .int8(let matrix, .many(let x)):
      TensorMemory.withScratch(rows.count * columns) { wide in
        matrix.widen(rows, into: wide)
        multiply(x, by: wide)
      }
    case .int8(let matrix, .few(let x)):
      inTiles(most: 1) { target, stride, tile, outputs in
        uio2_i8_rows(
          target, stride, x, columns, count, matrix.weights(tile), matrix.scales(tile), columns, matrix.block, outputs)
      }
    case .rounded(let matrix, let x):
      multiply(x, by: matrix)
    }
  }

  /// Many rows with 32-bit weights.
  private func multiply(_ x: UnsafePointer<Float>, by weights: UnsafePointer<Float>) {
    TensorMemory.withScratch(uio2_wide_scratch(rows.count)) {
      uio2_wide_f32(target, stride, x, count, weights, columns, rows.count, $0)
    }
  }

  /// With activations in 8 or 15 bits.
  private func multiply(_ x: QuantizedActivations.Pointers, by matrix: QuantizedTiles) {
    inTiles(most: .max) { target, stride, tile, outputs in
      let packed = matrix.weights(tile), scales = matrix.scales(tile)
      guard x.isPaired else {
        return uio2_i8_gemm(
          target, stride, x.values, x.scales, x.sums, count, packed, scales, columns, matrix.block, outputs)
      }
      TensorMemory.withScratch(2 * count * QuantizedMatrix.tileRows) {
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
        TensorMemory.withScratch(count * width) { whole in
          body(whole, width, first / tile, width)
          for row in 0..<count {
            (target + row * stride).update(from: whole + row * width + skipped, count: end - first)
          }
        }
        first = end
      }
    }
  }
}
