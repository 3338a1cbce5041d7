/// Matrices that a checkpoint holds in 8 bits: in the place of `NAME` the packed weights `NAME.int8` and their scales `NAME.scales`.
extension Checkpoint {
  /// Of the packed weights.
  public static let packedSuffix = ".int8"
  /// Of the scales.
  public static let scalesSuffix = ".scales"

  /// Whether matrices are held in 8 bits.
  public var isQuantized: Bool { names.contains { $0.hasSuffix(Self.packedSuffix) } }

  /// The packed form of a matrix; `nil` where the checkpoint does not have it.
  func quantizedMatrix(
    _ name: String, shape: [Int], activations: ActivationFormat
  ) throws(TensorError) -> QuantizedMatrix? {
    let packedName = name + Self.packedSuffix, scalesName = name + Self.scalesSuffix
    guard entry(packedName) != nil else { return nil }
    guard let scalesEntry = entry(scalesName), scalesEntry.shape.count == 3 else {
      throw TensorError(.missingTensor, scalesName, "is needed beside \(packedName), [tiles, blocks, 64]")
    }
    // The block follows from the number of scales: all blocks but the last are whole.
    let columns = shape[1], blocks = scalesEntry.shape[1]
    guard blocks > 0, let block = Self.block(columns: columns, blocks: blocks) else {
      throw TensorError(
        .shapeMismatch, scalesName,
        "\(blocks) blocks are no division of \(columns) inputs by a power of two up to \(QuantizedMatrix.longestBlock)")
    }
    let expected = QuantizedMatrix.storedShapes(rows: shape[0], columns: columns, block: block)
    let file = try file(of: packedName, shape: expected.packed)
    let packed = try file.entry(packedName)
    guard packed.type == .u8 else {
      throw TensorError(.unsupportedType, packedName, "holds \(packed.type.rawValue), U8 is needed")
    }
    let scales = try tensor(scalesName, shape: expected.scales)
    guard packed.count > 0 else { return nil }
    return QuantizedMatrix(
      stored: try file.file.slice(packed.range, alignment: 1), scales: scales, rows: shape[0], columns: columns,
      block: block, activations: activations)
  }

  /// The block that was written. No two powers of two divide the same columns into the same number of blocks, unless into one.
  private static func block(columns: Int, blocks: Int) -> Int? {
    if blocks == 1 {
      let whole = (columns + 3) / 4 * 4
      return whole > 0 && whole <= QuantizedMatrix.longestBlock ? whole : nil
    }
    for exponent in stride(from: 16, through: 2, by: -1) {
      let block = 1 << exponent
      if (columns + block - 1) / block == blocks { return block }
    }
    return nil
  }
}
