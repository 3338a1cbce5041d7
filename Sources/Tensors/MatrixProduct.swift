import CKernels

/// Products of the same rows with several weight matrices, shared out among the threads.
///
/// Few rows, as in decoding, go through kernels that read the weights once and sum every result in the same order whatever the
/// number of rows. Many rows go to BLAS, 8-bit ones with 8-bit activations to a kernel of our own.
enum MatrixProduct {
  /// Up to so many rows the weights' way from memory costs more than the arithmetic, and BLAS would pack them first.
  static let fewRows = 12

  /// - Parameters:
  ///   - x: `[n, columns]`.
  ///   - factors: each `columns` wide, with the rows that are wanted of it.
  /// - Returns: `[n, range.count]` for each factor.
  static func of(_ x: Tensor, _ factors: [(matrix: WeightMatrix, range: Range<Int>)]) -> [Tensor] {
    var shares: [Share] = []
    var results: [Tensor] = []
    var quantized: [QuantizedActivations.Kind: QuantizedActivations] = [:]
    for (matrix, range) in factors {
      precondition(x.columns == matrix.columns, "inner dimensions must agree")
      precondition(range.lowerBound >= 0 && range.upperBound <= matrix.rows, "rows out of range")
      let result = Tensor(uninitialized: [x.rows, range.count])
      results.append(result)
      guard x.columns > 0 else {
        result.storage.base.update(repeating: 0, count: result.count)
        continue
      }
      if case .int8(let weights) = matrix.elements, let kind = QuantizedActivations.Kind(for: weights),
        quantized[kind] == nil
      {
        quantized[kind] = QuantizedActivations(x, kind)
      }
      let unit = size(of: matrix, rows: x.rows)
      // Tiles of 8-bit weights begin at multiples of 64.
      var start = range.lowerBound
      while start < range.upperBound {
        let end = min(range.upperBound, (start / unit + 1) * unit)
        shares.append(Share(matrix: matrix, rows: start..<end, range: range, result: result))
        start = end
      }
    }
    // Packed once for all matrices.
    let packed = x.rows > fewRows && x.columns > 0 && factors.contains { $0.matrix.multipliesFloats } ? PackedRows(x) : nil
    let work = x.rows * x.columns * factors.reduce(0) { $0 + $1.range.count }
    // Widening is work too, which few rows do not show.
    Parallel.forEach(shares.count, operations: 2 * work) { index in
      let share = shares[index]
      if case .int8(let weights) = share.matrix.elements, let kind = QuantizedActivations.Kind(for: weights),
        let activations = quantized[kind]
      {
        share.compute(activations, weights)
      } else {
        share.compute(x, packed)
      }
    }
    return results
  }

  /// Rows of a matrix that one thread takes at a time.
  private static func size(of matrix: WeightMatrix, rows: Int) -> Int {
    switch matrix.elements {
    case .int8(let weights) where weights.activations != .f32: return QuantizedMatrix.tileRows
    default:
      if rows <= fewRows { return QuantizedMatrix.tileRows }
      // BLAS packs the activations for every share, so shares are large; but each thread wants two or more.
      let wanted = matrix.rows / (2 * ComputeThreads.count)
      return max(192, wanted / 64 * 64)
    }
  }
}

/// Some rows of one matrix.
private struct Share {
  let matrix: WeightMatrix
  let rows: Range<Int>
  /// Those that are wanted of the matrix in all.
  let range: Range<Int>
  let result: Tensor

  private var target: UnsafeMutablePointer<Float> { result.storage.base + (rows.lowerBound - range.lowerBound) }

  /// With activations in 8 or 15 bits.
  func compute(_ x: QuantizedActivations, _ weights: QuantizedMatrix) {
    inTile { target, stride, tile, outputs in
      let packed = weights.tile(tile), scales = weights.tileScales(tile)
      guard x.kind.isPaired else {
        return uio2_i8_gemm(
          target, stride, x.values, x.scales, x.sums, x.rows, packed, scales, weights.columns, weights.block, outputs)
      }
      TensorMemory.withScratch(x.rows * QuantizedMatrix.tileRows) { scratch in
        uio2_i16_gemm(
          target, stride, x.values, x.scales, x.sums, x.rows / 2, packed, scales, weights.columns,
          weights.block, outputs, scratch)
      }
    }
  }

  /// Calls `body` for the tile of ``rows``; where they do not begin with it, through memory for the whole tile.
  private func inTile(
    _ body: (_ target: UnsafeMutablePointer<Float>, _ stride: Int, _ tile: Int, _ outputs: Int) -> Void
  ) {
    let tile = rows.lowerBound / QuantizedMatrix.tileRows, skipped = rows.lowerBound % QuantizedMatrix.tileRows
    guard skipped > 0 else { return body(target, range.count, tile, rows.count) }
    let width = skipped + rows.count
    TensorMemory.withScratch(result.rows * width) { whole in
      body(whole, width, tile, width)
      for row in 0..<result.rows {
        (target + row * range.count).update(from: whole + row * width + skipped, count: rows.count)
      }
    }
  }

  /// With activations in 32 bits; `packed`: the same rows, where they are many.
  func compute(_ x: Tensor, _ packed: PackedRows?) {
    let columns = x.columns
    guard let packed else { return computeFew(x) }
    TensorMemory.withScratch(uio2_wide_scratch(rows.count)) { scratch in
      switch matrix.elements {
      case .f32(let tensor):
        uio2_wide_f32(
          target, range.count, packed.base, x.rows, tensor.pointer + rows.lowerBound * columns, columns, rows.count,
          scratch)
      case .bf16(let halves):
        uio2_wide_bf16(
          target, range.count, packed.base, x.rows, halves.base + rows.lowerBound * columns, columns, rows.count,
          scratch)
      case .int8:
        // Held until the product is done: memory that is let go is another thread's at once.
        withExtendedLifetime(matrix.widened(rows: rows)) {
          uio2_wide_f32(target, range.count, packed.base, x.rows, $0.pointer, columns, rows.count, scratch)
        }
      }
    }
  }

  private func computeFew(_ x: Tensor) {
    let columns = x.columns
    switch matrix.elements {
    case .f32(let tensor):
      uio2_f32_rows(
        target, range.count, tensor.pointer + rows.lowerBound * columns, x.pointer, columns, x.rows, rows.count, columns)
    case .bf16(let halves):
      uio2_bf16_rows(
        target, range.count, halves.base + rows.lowerBound * columns, x.pointer, columns, x.rows, rows.count, columns)
    case .int8(let weights):
      inTile { target, stride, tile, outputs in
        uio2_i8_rows(
          target, stride, x.pointer, columns, x.rows, weights.tile(tile), weights.tileScales(tile), columns,
          weights.block, outputs)
      }
    }
  }
}

/// Many rows of 32-bit activations as the kernels read them.
private struct PackedRows {
  private let memory: Tensor
  var base: UnsafePointer<Float> { memory.pointer }

  init(_ x: Tensor) {
    memory = Tensor(uninitialized: [uio2_wide_pack_size(x.rows, x.columns)])
    let base = memory.storage.base, columns = x.columns
    Parallel.rows(x.rows, operations: 4 * columns, unit: uio2_wide_group()) { range in
      uio2_wide_pack(
        base + range.lowerBound * columns, x.pointer + range.lowerBound * columns, columns, range.count, columns)
    }
  }
}

extension WeightMatrix {
  /// Whether its products take 32-bit activations.
  fileprivate var multipliesFloats: Bool {
    if case .int8(let weights) = elements { weights.activations == .f32 } else { true }
  }
}
