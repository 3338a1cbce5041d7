/// A dense row-major array of 32-bit floats; a value with copy-on-write storage.
///
/// Most of the model works on matrices `[tokens, features]`; ``rows`` is the product of all dimensions but the last.
public struct Tensor: Sendable {
  public private(set) var shape: [Int]
  var storage: TensorStorage

  init(shape: [Int], storage: TensorStorage) {
    self.shape = shape
    self.storage = storage
  }

  /// Memory with no defined content; every element must be written before it is read.
  init(uninitialized shape: [Int]) {
    self.shape = shape
    storage = TensorStorage(uninitialized: shape.reduce(1, *))
  }

  /// All zeros.
  public init(zeros shape: [Int]) {
    self.init(uninitialized: shape)
    storage.base.initialize(repeating: 0, count: storage.count)
  }

  /// The given elements, row-major.
  /// - Precondition: `values.count` is the product of `shape`.
  public init(_ values: [Float], shape: [Int]) {
    precondition(values.count == shape.reduce(1, *), "element count must be the product of the shape")
    self.init(uninitialized: shape)
    values.withUnsafeBufferPointer { source in
      if let start = source.baseAddress { storage.base.initialize(from: start, count: source.count) }
    }
  }

  public var count: Int { storage.count }
  /// The last dimension; 1 for a scalar.
  public var columns: Int { shape.last ?? 1 }
  /// The product of all dimensions but the last.
  public var rows: Int { columns == 0 ? 0 : count / columns }

  /// A copy of all elements, row-major.
  public var values: [Float] { Array(UnsafeBufferPointer(start: storage.base, count: count)) }

  /// The same elements under another shape of the same count.
  public func reshaped(_ shape: [Int]) -> Tensor {
    precondition(shape.reduce(1, *) == count, "reshaping must keep the element count")
    return Tensor(shape: shape, storage: storage)
  }

  /// Reads all elements, row-major.
  public func withSpan<Result, Failure: Error>(_ body: (Span<Float>) throws(Failure) -> Result) throws(Failure)
    -> Result
  {
    try body(Span(_unsafeElements: UnsafeBufferPointer(start: storage.base, count: count)))
  }

  /// Writes elements in place, row-major; copies first when the storage is shared or part of a file.
  public mutating func withMutableSpan<Result, Failure: Error>(
    _ body: (inout MutableSpan<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let pointer = mutablePointer()
    var span = MutableSpan(_unsafeElements: UnsafeMutableBufferPointer(start: pointer, count: count))
    return try body(&span)
  }

  var pointer: UnsafePointer<Float> { UnsafePointer(storage.base) }

  /// The elements, ready to be written: unshared and not part of a file.
  mutating func mutablePointer() -> UnsafeMutablePointer<Float> {
    if storage.isReadOnly || !isKnownUniquelyReferenced(&storage) {
      let copy = TensorStorage(uninitialized: storage.count)
      copy.base.initialize(from: storage.base, count: storage.count)
      storage = copy
    }
    return storage.base
  }
}
