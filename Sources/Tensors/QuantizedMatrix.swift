import CKernels

/// Weights in 8 bits, packed for the kernels: tiles of 64 outputs, a scale for every block of inputs of each output.
///
/// Unchecked because nothing writes them after the initialiser.
final class QuantizedMatrix: @unchecked Sendable {
  /// Outputs of one tile.
  static let tileRows = 64
  /// Inputs of one block at most: sums of a block are 32 bits wide.
  static let longestBlock = 65536

  let rows: Int
  var columns: Int { tiles.columns }
  var block: Int { tiles.block }
  let activations: ActivationFormat
  let tiles: QuantizedTiles
  /// `[tiles, blocks, 64]`.
  let scales: Tensor
  /// Of the packed weights.
  private let owner: TensorMemory.Owner

  /// Bytes of the packed weights.
  static func packedSize(rows: Int, columns: Int) -> Int { uio2_i8_packed_size(rows, columns) }

  /// The block of a matrix; none is longer than a row.
  static func block(_ wanted: Int?, columns: Int) -> Int {
    min(wanted ?? WeightOptions.suitedBlock(columns: columns), longestBlock, (columns + 3) / 4 * 4)
  }

  /// The shapes of packed weights and scales in a file.
  static func storedShapes(rows: Int, columns: Int, block: Int) -> (packed: [Int], scales: [Int]) {
    let tiles = (rows + tileRows - 1) / tileRows
    return ([tiles, (columns + 3) / 4, tileRows, 4], [tiles, (columns + block - 1) / block, tileRows])
  }

  /// Takes packed weights as a file has them.
  init(
    stored packed: MemorySlice, scales: Tensor, rows: Int, columns: Int, block: Int, activations: ActivationFormat
  ) {
    self.rows = rows
    self.activations = activations
    self.scales = scales
    tiles = QuantizedTiles(
      packed: packed.base.assumingMemoryBound(to: UInt8.self), scales: scales.pointer, columns: columns, block: block,
      blocks: scales.shape[1])
    owner = .file(packed.memory)
  }

  /// Rounds 32-bit or bfloat16 weights.
  init(rounding weights: WeightMatrix, block: Int?, activations: ActivationFormat) {
    let rows = weights.rows, columns = weights.columns, block = Self.block(block, columns: weights.columns)
    let tiles = (rows + Self.tileRows - 1) / Self.tileRows, tileBytes = Self.packedSize(rows: 1, columns: columns)
    let memory = TensorMemory.take(Self.packedSize(rows: rows, columns: columns), for: .lasting)
    let bytes = memory.address.assumingMemoryBound(to: UInt8.self)
    let scales = Tensor(uninitialized: Self.storedShapes(rows: rows, columns: columns, block: block).scales)
    let scaleBase = scales.storage.base, blocks = scales.shape[1]
    Parallel.forEach(tiles, operations: rows * columns) { tile in
      let part = tile * Self.tileRows..<min((tile + 1) * Self.tileRows, rows)
      let floats = weights.widened(rows: part)
      withExtendedLifetime(floats) {
        uio2_i8_pack(
          bytes + tile * tileBytes, scaleBase + tile * blocks * Self.tileRows, floats.pointer, part.count, columns,
          block)
      }
    }
    self.rows = rows
    self.activations = activations
    self.scales = scales
    self.tiles = QuantizedTiles(
      packed: UnsafePointer(bytes), scales: scales.pointer, columns: columns, block: block, blocks: blocks)
    owner = .block(memory)
  }

  deinit { owner.release() }
}

/// Where a matrix in 8 bits lies, as long as it lives: threads ask for it at every share, and would count references to the matrix.
struct QuantizedTiles {
  /// `uio2_i8_packed_size(rows, columns)` bytes.
  let packed: UnsafePointer<UInt8>
  /// `[tiles, blocks, 64]`.
  let scales: UnsafePointer<Float>
  let columns: Int
  let block: Int
  let blocks: Int

  func weights(_ tile: Int) -> UnsafePointer<UInt8> {
    packed + tile * QuantizedMatrix.packedSize(rows: 1, columns: columns)
  }

  func scales(_ tile: Int) -> UnsafePointer<Float> { scales + tile * blocks * QuantizedMatrix.tileRows }

  /// Rows `range` as floats, `[range.count, columns]`, written at `target`.
  func widen(_ range: Range<Int>, into target: UnsafeMutablePointer<Float>) {
    var row = range.lowerBound
    while row < range.upperBound {
      let tile = row / QuantizedMatrix.tileRows, first = row % QuantizedMatrix.tileRows
      let count = min(QuantizedMatrix.tileRows - first, range.upperBound - row)
      uio2_i8_widen(
        target + (row - range.lowerBound) * columns, columns, weights(tile), scales(tile), columns, block, first, count)
      row += count
    }
  }
}

/// Activations in 8 bits, or 15 in two rows, a scale for each row and block; made once for all matrices that they are multiplied with.
struct QuantizedActivations {
  /// How they were rounded.
  struct Kind: Equatable {
    var block: Int
    /// Two rows for each one.
    var isPaired: Bool

    /// What a matrix is multiplied with; `nil` where that are 32-bit activations.
    init?(for matrix: QuantizedMatrix) {
      guard matrix.activations != .f32 else { return nil }
      block = matrix.block
      isPaired = matrix.activations == .int16
    }
  }

  let kind: Kind
  /// Rows of 8-bit numbers.
  let rows: Int
  let columns: Int
  /// Memory of a tensor holds the scales, the sums and the bytes one behind the other, so that it comes from the same store.
  private let memory: Tensor
  private let blocks: Int

  /// - Parameter x: `[rows, columns]`.
  init(_ x: Tensor, _ kind: Kind) {
    self.kind = kind
    let copies = kind.isPaired ? 2 : 1, block = kind.block
    rows = copies * x.rows
    columns = x.columns
    blocks = (columns + block - 1) / block
    let width = (columns + 3) / 4 * 4
    memory = Tensor(uninitialized: [rows * (width / 4 + 2 * blocks)])
    let (columns, blocks) = (columns, blocks)
    let (q, scales, sums) = (values, scales, sums)
    // More than the arithmetic: half of the lines come from another processor's cache.
    Parallel.rows(x.rows, operations: 16 * columns * copies) { range in
      let first = copies * range.lowerBound
      let quantize = kind.isPaired ? uio2_i16_quantize : uio2_i8_quantize
      quantize(
        q + first * width, scales + first * blocks, sums + first * blocks, x.pointer + range.lowerBound * columns,
        range.count, columns, block)
    }
  }

  private var scales: UnsafeMutablePointer<Float> { memory.storage.base }

  private var sums: UnsafeMutablePointer<Int32> {
    UnsafeMutableRawPointer(scales + rows * blocks).assumingMemoryBound(to: Int32.self)
  }

  private var values: UnsafeMutablePointer<Int8> {
    UnsafeMutableRawPointer(scales + 2 * rows * blocks).assumingMemoryBound(to: Int8.self)
  }

  /// Where the numbers lie, as long as these activations live.
  struct Pointers {
    /// `[rows, columns]`, columns filled up to a multiple of 4.
    let values: UnsafePointer<Int8>
    /// `[rows, blocks]`.
    let scales: UnsafePointer<Float>
    /// `[rows, blocks]`: 128 times the sum of a block's numbers.
    let sums: UnsafePointer<Int32>
    let isPaired: Bool
  }

  var pointers: Pointers {
    Pointers(
      values: UnsafePointer(values), scales: UnsafePointer(scales), sums: UnsafePointer(sums), isPaired: kind.isPaired)
  }
}

extension WeightMatrix {
  /// The shapes in a file of a matrix in 8 bits, `[tiles, inputs / 4, 64, 4]` bytes, and of its scales, `[tiles, blocks, 64]`.
  public static func storedShapes(rows: Int, columns: Int, options: WeightOptions) -> (packed: [Int], scales: [Int]) {
    QuantizedMatrix.storedShapes(
      rows: rows, columns: columns, block: QuantizedMatrix.block(options.block, columns: columns))
  }

  /// The bytes of a matrix in 8 bits and of its scales as a file has them; both are empty for other formats.
  public func withStoredBytes<Result>(
    _ body: (_ packed: UnsafeRawBufferPointer, _ scales: UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    guard case .int8(let quantized) = elements else {
      return try body(UnsafeRawBufferPointer(start: nil, count: 0), UnsafeRawBufferPointer(start: nil, count: 0))
    }
    defer { withExtendedLifetime(quantized) {} }
    return try body(
      UnsafeRawBufferPointer(
        start: quantized.tiles.packed,
        count: QuantizedMatrix.packedSize(rows: quantized.rows, columns: quantized.columns)),
      UnsafeRawBufferPointer(start: quantized.scales.pointer, count: quantized.scales.count * 4))
  }
}
