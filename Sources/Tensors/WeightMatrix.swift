import CKernels

/// A matrix of weights, `[rows, columns]`, kept in 32, 16 or 8 bits and widened only where a product or a look-up needs it.
public struct WeightMatrix: Sendable {
  enum Elements: Sendable {
    case f32(Tensor)
    case bf16(BrainFloats)
    case int8(QuantizedMatrix)
  }

  public let rows: Int
  public let columns: Int
  let elements: Elements

  /// 32-bit weights.
  ///
  /// - Precondition: `tensor` has two dimensions.
  public init(_ tensor: Tensor) {
    precondition(tensor.shape.count == 2, "a weight matrix has two dimensions")
    rows = tensor.shape[0]
    columns = tensor.shape[1]
    elements = .f32(tensor)
  }

  init(_ halves: BrainFloats, rows: Int, columns: Int) {
    precondition(halves.count == rows * columns, "element count must be the product of the shape")
    self.rows = rows
    self.columns = columns
    elements = .bf16(halves)
  }

  init(_ quantized: QuantizedMatrix) {
    rows = quantized.rows
    columns = quantized.columns
    elements = .int8(quantized)
  }

  /// How the weights are kept.
  public var format: WeightFormat {
    switch elements {
    case .f32: .f32
    case .bf16: .bf16
    case .int8: .int8
    }
  }

  /// The same weights in another format; bfloat16 and 8 bits round to nearest.
  public func converted(to format: WeightFormat, options: WeightOptions = .standard) -> WeightMatrix {
    guard format != self.format, rows > 0, columns > 0 else { return self }
    switch format {
    case .f32: return WeightMatrix(widened())
    case .bf16: return WeightMatrix(BrainFloats(rounding: widened()), rows: rows, columns: columns)
    case .int8:
      return WeightMatrix(
        QuantizedMatrix(rounding: self, block: options.block, activations: options.activations ?? .int8))
    }
  }

  /// All weights as 32-bit floats, `[rows, columns]`; a copy where they are stored in less.
  public func widened() -> Tensor {
    if case .f32(let tensor) = elements { return tensor }
    return widened(rows: 0..<rows)
  }

  /// Some rows as 32-bit floats, `[range.count, columns]`.
  func widened(rows range: Range<Int>) -> Tensor {
    let result = Tensor(uninitialized: [range.count, columns])
    switch elements {
    case .f32(let tensor): return tensor.rows(in: range)
    case .bf16(let halves):
      uio2_bf16_to_f32(result.storage.base, halves.base + range.lowerBound * columns, range.count * columns)
    case .int8(let quantized): quantized.tiles.widen(range, into: result.storage.base)
    }
    return result
  }

  /// The named rows in the named order, `[indices.count, columns]`; an embedding look-up.
  public func gatheringRows(_ indices: [Int]) -> Tensor {
    if case .f32(let tensor) = elements { return tensor.gatheringRows(indices) }
    let result = Tensor(uninitialized: [indices.count, columns])
    for (target, source) in indices.enumerated() {
      precondition(source >= 0 && source < rows, "row out of range")
      let place = result.storage.base + target * columns
      switch elements {
      case .f32: break
      case .bf16(let halves): uio2_bf16_to_f32(place, halves.base + source * columns, columns)
      case .int8(let quantized): quantized.tiles.widen(source..<source + 1, into: place)
      }
    }
    return result
  }
}

extension Tensor {
  /// `self · rows(of: matrix)ᵀ`: the dot product of each row of `self` with the rows `range` of `matrix`.
  ///
  /// - Returns: `[rows, range.count]`.
  public func multiplied(byRowsOf matrix: WeightMatrix, _ range: Range<Int>) -> Tensor {
    MatrixProduct.of(self, [(matrix, range)])[0]
  }

  /// `self · rows(of: matrix)ᵀ`: the dot product of each row of `self` with the rows `range` of `matrix`.
  ///
  /// - Returns: `[rows, range.count]`.
  public func multiplied(byRowsOf matrix: Tensor, _ range: Range<Int>) -> Tensor {
    multiplied(byRowsOf: WeightMatrix(matrix), range)
  }
}
