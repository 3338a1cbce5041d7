import CKernels

/// How cached keys and values are kept.
public enum CachePrecision: String, Sendable, Hashable, CaseIterable {
  /// 32-bit floats.
  case single
  /// IEEE half precision: half the bytes to read for every token, an error of at most 0.05 % of each number.
  case half

  var size: Int { self == .single ? 4 : 2 }
}

/// Keys and values of the tokens seen so far, for one attention layer; grows by itself.
///
/// A value with copy-on-write storage. Rows of one head lie together, so that a query reads memory front to back.
public struct AttentionCache: Sendable {
  public let heads: Int
  /// Of one head.
  public let dimension: Int
  public let precision: CachePrecision
  /// Tokens cached.
  public private(set) var count = 0
  public private(set) var capacity: Int
  private var storage: Storage

  /// Two arrays `[heads, capacity, dimension]`, keys and values; written only while uniquely referenced.
  private final class Storage: @unchecked Sendable {
    private let block: TensorMemory.Block
    var base: UnsafeMutableRawPointer { block.address }

    init(byteCount: Int) { block = TensorMemory.take(byteCount, for: .lasting) }

    deinit { TensorMemory.give(block) }
  }

  public init(capacity: Int, heads: Int, dimension: Int, precision: CachePrecision = .single) {
    self.capacity = max(capacity, 1)
    self.heads = heads
    self.dimension = dimension
    self.precision = precision
    storage = Storage(byteCount: 2 * self.capacity * heads * dimension * precision.size)
  }

  /// Keys and values that are all there already, as cross-attention has them.
  ///
  /// - Parameter keys: `[tokens, heads · dimension]`.
  public init(keys: Tensor, values: Tensor, heads: Int, precision: CachePrecision = .single) {
    self.init(capacity: keys.rows, heads: heads, dimension: keys.columns / max(heads, 1), precision: precision)
    append(keys: keys, values: values)
  }

  /// Appends rows `[tokens, heads · dimension]`.
  public mutating func append(keys: Tensor, values: Tensor) {
    append(keys: keys, values: values, rows: 0..<keys.rows)
  }

  /// Appends some of the rows.
  public mutating func append(keys: Tensor, values: Tensor, rows: Range<Int>) {
    let width = heads * dimension
    precondition(keys.columns == width && values.columns == width, "cache rows are equally wide")
    reserve(count + rows.count)
    for (part, source) in [keys, values].enumerated() {
      for row in rows {
        for head in 0..<heads {
          let place = base(part, head) + (count + row - rows.lowerBound) * dimension * precision.size
          let from = source.pointer + row * width + head * dimension
          switch precision {
          case .single: place.copyMemory(from: from, byteCount: dimension * 4)
          case .half: uio2_f32_to_f16(place.assumingMemoryBound(to: UInt16.self), from, dimension)
          }
        }
      }
    }
    count += rows.count
  }

  /// Forgets all but the first `count` tokens.
  public mutating func truncate(to count: Int) {
    self.count = min(self.count, max(count, 0))
  }

  /// Of head `head`, keys for part 0 and values for part 1.
  private func base(_ part: Int, _ head: Int) -> UnsafeMutableRawPointer {
    storage.base + (part * heads + head) * capacity * dimension * precision.size
  }

  /// Unshared memory for `wanted` tokens.
  private mutating func reserve(_ wanted: Int) {
    guard wanted > capacity || !isKnownUniquelyReferenced(&storage) else { return }
    var larger = self
    larger.capacity = wanted > capacity ? max(2 * capacity, wanted) : capacity
    larger.storage = Storage(byteCount: 2 * larger.capacity * heads * dimension * precision.size)
    for part in 0..<2 {
      for head in 0..<heads {
        larger.base(part, head).copyMemory(from: base(part, head), byteCount: count * dimension * precision.size)
      }
    }
    self = larger
  }
}

extension AttentionCache {
  /// Where its keys and values lie, as long as it lives and nothing is appended.
  struct Pointers {
    /// Of the first head; the next one's lie `headBytes` further.
    let keys: UnsafeRawPointer
    /// Like `keys`.
    let values: UnsafeRawPointer
    let headBytes: Int
    let dimension: Int
    let precision: CachePrecision
    /// Tokens cached.
    let count: Int
  }

  var pointers: Pointers {
    Pointers(
      keys: base(0, 0), values: base(1, 0), headBytes: capacity * dimension * precision.size, dimension: dimension,
      precision: precision, count: count)
  }
}

extension AttentionCache.Pointers {
  /// Softmax attention of one head's queries to the cached keys; zeros where there are none.
  ///
  /// - Parameters:
  ///   - queries: the head's features of the first query; the next query's lie `stride` further.
  ///   - result: like `queries`.
  ///   - causal: the queries are the last cached tokens, and each sees those up to itself.
  func attend(
    head: Int, queries: UnsafePointer<Float>, count queryCount: Int, stride: Int,
    into result: UnsafeMutablePointer<Float>, scale: Float, causal: Bool
  ) {
    guard count > 0 else {
      for row in 0..<queryCount { (result + row * stride).update(repeating: 0, count: dimension) }
      return
    }
    let half: Int32 = precision == .half ? 1 : 0, keys = keys + head * headBytes, values = values + head * headBytes
    if queryCount == 1 {
      TensorMemory.withScratch(count) { scores in
        uio2_attend_one(result, queries, keys, values, dimension, half, count, dimension, scale, scores)
      }
    } else if queryCount > 1 {
      TensorMemory.withScratch(uio2_attend_scratch(count, dimension)) { scratch in
        uio2_attend(
          result, stride, queries, stride, keys, values, dimension, half, queryCount, count, dimension, scale,
          causal ? count - queryCount : -1, scratch)
      }
    }
  }
}
