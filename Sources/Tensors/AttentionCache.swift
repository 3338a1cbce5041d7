/// Keys and values of the tokens seen so far, for one attention layer; grows a row at a time up to its capacity.
public struct AttentionCache: Sendable {
  /// `[capacity, heads · dimension]`; the first ``count`` rows are valid.
  public private(set) var keys: Tensor
  /// Like ``keys``.
  public private(set) var values: Tensor
  public private(set) var count = 0

  public init(capacity: Int, width: Int) {
    keys = Tensor(uninitialized: [capacity, width])
    values = Tensor(uninitialized: [capacity, width])
  }

  public var capacity: Int { keys.rows }

  /// Appends rows `[tokens, heads · dimension]`, growing when the capacity is reached.
  public mutating func append(keys newKeys: Tensor, values newValues: Tensor) {
    precondition(newKeys.columns == keys.columns && newValues.columns == values.columns, "cache rows are equally wide")
    if count + newKeys.rows > capacity { grow(to: max(2 * capacity, count + newKeys.rows)) }
    let offset = count * keys.columns
    (keys.mutablePointer() + offset).update(from: newKeys.pointer, count: newKeys.count)
    (values.mutablePointer() + offset).update(from: newValues.pointer, count: newValues.count)
    count += newKeys.rows
  }

  private mutating func grow(to capacity: Int) {
    for path in [\AttentionCache.keys, \AttentionCache.values] {
      let larger = Tensor(uninitialized: [capacity, keys.columns])
      larger.storage.base.initialize(from: self[keyPath: path].pointer, count: count * keys.columns)
      self[keyPath: path] = larger
    }
  }
}
