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
  let columns: Int
  let block: Int
  let activations: ActivationFormat
  /// `uio2_i8_packed_size(rows, columns)` bytes.
  let packed: UnsafePointer<UInt8>
  /// `[tiles, blocks, 64]`.
  let scales: Tensor
  /// Kept alive while the bytes lie in it; `nil`: they are this object's own.
  private let file: MemoryMappedFile?

  /// Bytes of the packed weights.
  static func packedSize(rows: Int, columns: Int) -> Int { uio2_i8_packed_size(rows, columns) }

  /// The shapes of packed weights and scales in a file.
  static func storedShapes(rows: Int, columns: Int, block: Int) -> (packed: [Int], scales: [Int]) {
    let tiles = (rows + tileRows - 1) / tileRows
    return ([tiles, (columns + 3) / 4, tileRows, 4], [tiles, (columns + block - 1) / block, tileRows])
  }

  /// Takes packed weights out of a file.
  init(
    mapped packed: UnsafePointer<UInt8>, scales: Tensor, rows: Int, columns: Int, block: Int,
    activations: ActivationFormat, in file: MemoryMappedFile
  ) {
    self.rows = rows
    self.columns = columns
    self.block = block
    self.activations = activations
    self.packed = packed
    self.scales = scales
    self.file = file
  }

  /// Rounds 32-bit or bfloat16 weights.
  init(rounding weights: WeightMatrix, block: Int, activations: ActivationFormat) {
    rows = weights.rows
    columns = weights.columns
    self.block = min(block, Self.longestBlock, (weights.columns + 3) / 4 * 4)
    self.activations = activations
    let (rows, columns, block) = (rows, columns, self.block)
    let tiles = (rows + Self.tileRows - 1) / Self.tileRows, tileBytes = Self.packedSize(rows: 1, columns: columns)
    let bytes = TensorMemory.take(Self.packedSize(rows: rows, columns: columns)).assumingMemoryBound(to: UInt8.self)
    let scales = Tensor(uninitialized: Self.storedShapes(rows: rows, columns: columns, block: block).scales)
    let scaleBase = scales.storage.base, blocks = scales.shape[1]
    Parallel.forEach(tiles, operations: rows * columns) { tile in
      let part = tile * Self.tileRows..<min((tile + 1) * Self.tileRows, rows)
      let floats = weights.widened(rows: part)
      uio2_i8_pack(
        bytes + tile * tileBytes, scaleBase + tile * blocks * Self.tileRows, floats.pointer, part.count, columns, block)
    }
    packed = UnsafePointer(bytes)
    self.scales = scales
    file = nil
  }

  deinit {
    if file == nil {
      TensorMemory.give(UnsafeMutableRawPointer(mutating: packed), Self.packedSize(rows: rows, columns: columns))
    }
  }

  var tiles: Int { (rows + Self.tileRows - 1) / Self.tileRows }
  var blocks: Int { scales.shape[1] }

  func tile(_ index: Int) -> UnsafePointer<UInt8> { packed + index * Self.packedSize(rows: 1, columns: columns) }
  func tileScales(_ index: Int) -> UnsafePointer<Float> { scales.pointer + index * blocks * Self.tileRows }

  /// Rows `range` as floats, `[range.count, columns]`, written at `target`.
  func widen(_ range: Range<Int>, into target: UnsafeMutablePointer<Float>) {
    var row = range.lowerBound
    while row < range.upperBound {
      let tile = row / Self.tileRows, first = row % Self.tileRows
      let count = min(Self.tileRows - first, range.upperBound - row)
      uio2_i8_widen(
        target + (row - range.lowerBound) * columns, columns, self.tile(tile), tileScales(tile), columns, block, first,
        count)
      row += count
    }
  }
}

/// Activations in 8 bits, a scale for each row and block; made once for all matrices that they are multiplied with.
struct QuantizedActivations {
  let rows: Int
  let columns: Int
  let block: Int
  private let bytes: Tensor
  private let scaleValues: Tensor
  private let sumValues: Tensor

  /// - Parameter x: `[rows, columns]`.
  init(_ x: Tensor, block: Int) {
    rows = x.rows
    columns = x.columns
    self.block = block
    let blocks = (columns + block - 1) / block, width = (columns + 3) / 4 * 4
    // Memory of tensors holds the bytes and the integers, so that it comes from the same store.
    bytes = Tensor(uninitialized: [(rows * width + 3) / 4])
    scaleValues = Tensor(uninitialized: [rows, blocks])
    sumValues = Tensor(uninitialized: [rows, blocks])
    let columns = columns
    let (q, scales, sums) = (Self.integers(bytes), scaleValues.storage.base, Self.sums(sumValues))
    Parallel.rows(rows, operations: 4 * columns) { range in
      uio2_i8_quantize(
        q + range.lowerBound * width, scales + range.lowerBound * blocks, sums + range.lowerBound * blocks,
        x.pointer + range.lowerBound * columns, range.count, columns, block)
    }
  }

  private static func integers(_ memory: Tensor) -> UnsafeMutablePointer<Int8> {
    UnsafeMutableRawPointer(memory.storage.base).assumingMemoryBound(to: Int8.self)
  }

  private static func sums(_ memory: Tensor) -> UnsafeMutablePointer<Int32> {
    UnsafeMutableRawPointer(memory.storage.base).assumingMemoryBound(to: Int32.self)
  }

  var values: UnsafePointer<Int8> { UnsafePointer(Self.integers(bytes)) }
  var scales: UnsafePointer<Float> { scaleValues.pointer }
  var sums: UnsafePointer<Int32> { UnsafePointer(Self.sums(sumValues)) }
}
