import CKernels

/// Products of the same rows with several weight matrices, shared out among the threads.
///
/// Few rows, as in decoding, go through kernels that read the weights once; many rows are packed once for all matrices, or rounded to
/// 8 or 15 bits. All kernels are our own: OpenBLAS packs the activations anew for every share and the weights for every product, and
/// chooses the order of sums by the number of rows.
enum MatrixProduct {
  /// Up to so many rows the weights' way from memory costs more than the arithmetic.
  static let fewRows = 24

  /// - Parameters:
  ///   - x: `[n, columns]`.
  ///   - factors: each `columns` wide, with the rows that are wanted of it.
  /// - Returns: `[n, range.count]` for each factor.
  static func of(_ x: Tensor, _ factors: [(matrix: WeightMatrix, range: Range<Int>)]) -> [Tensor] {
    var inputs = MatrixProductInputs(x)
    var products: [MatrixProductShare] = []
    var results: [Tensor] = []
    products.reserveCapacity(factors.count)
    results.reserveCapacity(factors.count)
    for (matrix, range) in factors {
      precondition(x.columns == matrix.columns, "inner dimensions must agree")
      precondition(range.lowerBound >= 0 && range.upperBound <= matrix.rows, "rows out of range")
      let result = Tensor(uninitialized: [x.rows, range.count])
      results.append(result)
      guard x.columns > 0 else {
        result.storage.base.update(repeating: 0, count: result.count)
        continue
      }
      products.append(
        MatrixProductShare(
          inputs.factors(with: matrix), rows: range, columns: matrix.columns, count: x.rows,
          target: result.storage.base, stride: range.count))
    }
    let work = x.rows * x.columns * factors.reduce(0) { $0 + $1.range.count }
    withExtendedLifetime((inputs, factors, results)) {
      // Tiles of 8-bit weights begin at multiples of 64, and so do shares.
      MatrixProductShare.compute(products, unit: size(of: factors, rows: x.rows), operations: 2 * work)
    }
    return results
  }

  /// Rows of a matrix that one thread takes at a time: as many tiles as still give every thread a few shares.
  private static func size(of factors: [(matrix: WeightMatrix, range: Range<Int>)], rows: Int) -> Int {
    let tile = QuantizedMatrix.tileRows
    let outputs = factors.reduce(0) { $0 + $1.range.count }, tiles = outputs / (4 * ComputeThreads.count * tile)
    // Few rows are read at several places of a share in turn; apart from that no thread should wait long for another's last.
    let most = factors.contains { $0.matrix.multipliesFloats } ? 4 : rows > fewRows ? 1 : 2
    return tile * min(max(tiles, 1), most)
  }
}

/// The rows of a product in the forms that its matrices take, each made once.
struct MatrixProductInputs {
  /// Where a kernel finds a matrix and the rows in the form that it takes with it; what they point to lives as long as the matrix and
  /// the inputs.
  enum Factors {
    case f32(UnsafePointer<Float>, FloatRows)
    case bf16(UnsafePointer<UInt16>, FloatRows)
    case int8(QuantizedTiles, FloatRows)
    /// 8-bit weights with rows in 8 or 15 bits.
    case rounded(QuantizedTiles, QuantizedActivations.Pointers)
  }

  /// 32-bit rows.
  enum FloatRows {
    /// As they are.
    case few(UnsafePointer<Float>)
    /// As ``PackedRows`` has them.
    case many(UnsafePointer<Float>)
  }

  private let x: Tensor
  private var packed: PackedRows?
  /// One, as a rule.
  private var rounded: [QuantizedActivations] = []

  init(_ x: Tensor) { self.x = x }

  mutating func factors(with matrix: WeightMatrix) -> Factors {
    switch matrix.elements {
    case .f32(let weights): return .f32(weights.pointer, floatRows())
    case .bf16(let weights): return .bf16(weights.base, floatRows())
    case .int8(let weights):
      guard let kind = QuantizedActivations.Kind(for: weights) else {
        return .int8(weights.tiles, floatRows())
      }
      return .rounded(weights.tiles, roundedRows(kind))
    }
  }

  private mutating func floatRows() -> FloatRows {
    guard x.rows > MatrixProduct.fewRows else { return .few(x.pointer) }
    let rows = packed ?? PackedRows(x)
    packed = rows
    return .many(rows.base)
  }

  private mutating func roundedRows(_ kind: QuantizedActivations.Kind) -> QuantizedActivations.Pointers {
    if let known = rounded.first(where: { $0.kind == kind }) { return known.pointers }
    let made = QuantizedActivations(x, kind)
    rounded.append(made)
    return made.pointers
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
