/// A tensor that is to be written: what a safetensors header says of it.
public struct TensorDescription: Sendable, Hashable {
  public var name: String
  public var type: ElementType
  /// Dimensions, outermost first; none for a scalar.
  public var shape: [Int]

  public init(name: String, type: ElementType, shape: [Int]) {
    self.name = name
    self.type = type
    self.shape = shape
  }

  /// Elements; the product of ``shape``, which the caller has checked against overflow.
  public var count: Int { shape.reduce(1, *) }
  /// Bytes of all elements.
  public var byteCount: Int { count * type.size }
}
