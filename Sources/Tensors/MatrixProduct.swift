import CKernels

/// Products of the same rows with several weight matrices, shared out among the threads.
///
/// Few rows, as in decoding, go through kernels that read the weights once; many rows are packed once for all matrices, or rounded to
/// 8 or 15 bits. All kernels are our own: OpenBLAS packs the activations anew for every share and the weights for every product, and
/// chooses the order of sums by the number of rows.
enum MatrixProduct {
  /// Up to so many rows the weights' way from memory costs more than the arithmetic.
  static let fewRows = 12

  /// - Parameters:
  ///   - x: `[n, columns]`.
  ///   - factors: each `columns` wide, with the rows that are wanted of it.
  /// - Returns: `[n, range.count]` for each factor.
  static func of(_ x: Tensor, _ factors: [(matrix: WeightMatrix, range: Range<Int>)]) -> [Tensor] {
    var inputs = MatrixProductInputs(x)
    var shares: [MatrixProductShare] = []
    var results: [Tensor] = []
    let unit = size(of: factors, rows: x.rows)
    for (matrix, range) in factors {
      precondition(x.columns == matrix.columns, "inner dimensions must agree")
      precondition(range.lowerBound >= 0 && range.upperBound <= matrix.rows, "rows out of range")
      let result = Tensor(uninitialized: [x.rows, range.count])
      results.append(result)
      guard x.columns > 0 else {
        result.storage.base.update(repeating: 0, count: result.count)
        continue
      }
      // Tiles of 8-bit weights begin at multiples of 64, and so do shares.
      var start = range.lowerBound
      while start < range.upperBound {
        let end = min(range.upperBound, (start / unit + 1) * unit)
        shares.append(
          MatrixProductShare(
            matrix, rows: start..<end, inputs: inputs.suited(to: matrix),
            target: result.storage.base + (start - range.lowerBound), stride: range.count))
        start = end
      }
    }
    let work = x.rows * x.columns * factors.reduce(0) { $0 + $1.range.count }
    // Shares hold addresses only: counting references at each of them would cost more than many a product.
    withExtendedLifetime((inputs, factors, results)) {
      shares.withUnsafeBufferPointer { shares in
        Parallel.forEach(shares.count, operations: 2 * work) { shares[$0].compute() }
      }
    }
    return results
  }

  /// Rows of a matrix that one thread takes at a time: as many tiles as still give every thread a few shares.
  private static func size(of factors: [(matrix: WeightMatrix, range: Range<Int>)], rows: Int) -> Int {
    let tile = QuantizedMatrix.tileRows
    let outputs = factors.reduce(0) { $0 + $1.range.count }, tiles = outputs / (4 * ComputeThreads.count * tile)
    // Few rows: what is fetched ahead is the next tile's, which the same thread should want.
    let most = rows <= fewRows ? 2 : factors.contains { $0.matrix.multipliesFloats } ? 4 : 1
    return tile * min(max(tiles, 1), most)
  }
}

/// The rows of a product in the forms that its matrices take, each made once.
struct MatrixProductInputs {
  /// Where a matrix finds the rows; what it points to lives as long as the inputs.
  enum Form {
    /// 32-bit rows as they are, few.
    case rows(UnsafePointer<Float>)
    /// 32-bit rows as ``PackedRows`` has them, many.
    case packed(UnsafePointer<Float>)
    /// 8- or 15-bit rows.
    case quantized(QuantizedActivations.Pointers)
  }

  let x: Tensor
  private var packed: PackedRows?
  private var quantized: [QuantizedActivations.Kind: QuantizedActivations] = [:]

  init(_ x: Tensor) { self.x = x }

  mutating func suited(to matrix: WeightMatrix) -> (form: Form, count: Int) {
    if case .int8(let weights) = matrix.elements, let kind = QuantizedActivations.Kind(for: weights) {
      let activations = quantized[kind] ?? QuantizedActivations(x, kind)
      quantized[kind] = activations
      return (.quantized(activations.pointers), x.rows)
    }
    guard x.rows > MatrixProduct.fewRows else { return (.rows(x.pointer), x.rows) }
    let rows = packed ?? PackedRows(x)
    packed = rows
    return (.packed(rows.base), x.rows)
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
  var multipliesFloats: Bool {
    if case .int8(let weights) = elements { weights.activations == .f32 } else { true }
  }
}
