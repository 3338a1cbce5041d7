/// How the matrices of a model are kept in memory.
public enum WeightFormat: String, Sendable, Hashable, CaseIterable {
  /// 32-bit floats.
  case f32
  /// bfloat16, half the bytes; widened on the fly in every product, which computes in 32 bits.
  case bf16
  /// 8-bit integers with a scale for every block of inputs, a quarter of the bytes.
  case int8
}

/// How the inputs of a product with 8-bit weights are taken.
public enum ActivationFormat: String, Sendable, Hashable, CaseIterable {
  /// As they are; the weights are widened.
  case f32
  /// In 8 bits with a scale for every block of each row, found anew each time: the products are exact integers.
  case int8
  /// In 15 bits, as two planes of 8: twice the arithmetic of ``int8`` and hardly an error of its own.
  case int16
}

/// How a checkpoint's matrices are to be kept and multiplied with.
public struct WeightOptions: Sendable, Hashable {
  /// `nil`: what suits the checkpoint (``WeightFormat/suited(to:)``).
  public var format: WeightFormat?
  /// Counts with 8-bit weights only; `nil`: what suits the part of the model.
  public var activations: ActivationFormat?
  /// Inputs that share a scale when weights are made 8-bit: a power of two from 4 up, or ``wholeRow``; `nil`: what suits the matrix
  /// (``suitedBlock(columns:)``).
  public var block: Int?

  /// One scale for all inputs of an output.
  public static let wholeRow = 1 << 20

  /// Of large matrices: small enough that one large weight spoils few others, and large enough that scaling costs less than a tenth of
  /// the product.
  public static let largeBlock = 256
  /// Of small ones, whose time hardly counts: half the error.
  public static let smallBlock = 32

  /// What a matrix is quantized with unless told otherwise.
  public static func suitedBlock(columns: Int) -> Int { columns < 768 ? smallBlock : largeBlock }

  public init(format: WeightFormat? = nil, activations: ActivationFormat? = nil, block: Int? = nil) {
    precondition(block.map { $0 >= 4 && $0 & ($0 - 1) == 0 } ?? true, "a block is a power of two from 4 up")
    self.format = format
    self.activations = activations
    self.block = block
  }

  /// As the checkpoint's files have them where that suits their size.
  public static let standard = WeightOptions()
}

extension WeightFormat {
  /// Models whose weights are smaller than this as 32-bit floats are widened: they fit beside anything else, and robots want speed.
  public static let widenedLimit = 256 << 20

  /// 8 bits where the files hold them; else 32-bit floats for small models, and bfloat16 for large ones whose files have it.
  public static func suited(to checkpoint: Checkpoint) -> WeightFormat {
    if checkpoint.isQuantized { return .int8 }
    return checkpoint.widenedSize < widenedLimit ? .f32 : .bf16
  }
}
