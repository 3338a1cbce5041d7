import CKernels

/// Softmax attention over heads that lie side by side in the features (feature = head · dimension + d).
///
/// Scores exist for a few queries of a head at a time, never as a matrix.
public enum SoftmaxAttention {
  /// Attention of each example's tokens to its own tokens, everything visible.
  ///
  /// - Parameters:
  ///   - queries: `[tokens, heads · dimension]`, the examples one below the other.
  ///   - keys: like `queries`.
  ///   - values: like `queries`.
  ///   - lengths: tokens of each example; they add up to the rows.
  ///   - scales: factor of the logits, one a head.
  /// - Returns: like `queries`.
  /// - Complexity: O(Σ lengths² · heads · dimension).
  public static func attend(
    queries: Tensor, keys: Tensor, values: Tensor, lengths: [Int], heads: Int, scales: [Float]
  ) -> Tensor {
    precondition(lengths.reduce(0, +) == queries.rows && queries.rows == keys.rows, "lengths add up to the rows")
    var start = 0
    let parts = lengths.map { length in
      defer { start += length }
      return Part(queries: start..<start + length, keys: start..<start + length)
    }
    return attend(queries, keys, values, parts, heads: heads, scales: scales, causalOffset: nil)
  }

  /// - Parameters:
  ///   - queries: `[queries, heads · dimension]`.
  ///   - keys: the first `keyCount` rows of `[≥ keyCount, heads · dimension]`.
  ///   - values: like `keys`.
  ///   - scale: factor of the logits, one for all heads.
  ///   - causalOffset: query i sees keys `0...causalOffset + i`; `nil`: all.
  /// - Returns: `[queries, heads · dimension]`.
  /// - Complexity: O(queries · keyCount · heads · dimension).
  public static func attend(
    queries: Tensor, keys: Tensor, values: Tensor, keyCount: Int, heads: Int, scale: Float, causalOffset: Int? = nil
  ) -> Tensor {
    attend(
      queries: queries, keys: keys, values: values, keyCount: keyCount, heads: heads,
      scales: [Float](repeating: scale, count: heads), causalOffset: causalOffset)
  }

  /// The same with a factor for each head (scaled-cosine attention).
  public static func attend(
    queries: Tensor, keys: Tensor, values: Tensor, keyCount: Int, heads: Int, scales: [Float], causalOffset: Int? = nil
  ) -> Tensor {
    attend(
      queries, keys, values, [Part(queries: 0..<queries.rows, keys: 0..<keyCount)], heads: heads, scales: scales,
      causalOffset: causalOffset)
  }

  private struct Part {
    var queries: Range<Int>
    var keys: Range<Int>
  }

  private static func attend(
    _ queries: Tensor, _ keys: Tensor, _ values: Tensor, _ parts: [Part], heads: Int, scales: [Float],
    causalOffset: Int?
  ) -> Tensor {
    let width = queries.columns, dimension = width / heads
    precondition(keys.columns == width && values.columns == width, "queries, keys and values are equally wide")
    precondition(parts.allSatisfy { $0.keys.upperBound <= min(keys.rows, values.rows) }, "more keys than there are")
    let result = Tensor(uninitialized: [queries.rows, width])
    let operations = parts.reduce(0) { $0 + 4 * $1.queries.count * $1.keys.count * width }
    var parts = parts
    if causalOffset == nil, parts.count * heads < ComputeThreads.count {
      // Too few heads for all threads: the queries are shared out as well.
      parts = parts.flatMap { part in
        let size = max(64, (part.queries.count + ComputeThreads.count - 1) / ComputeThreads.count)
        return stride(from: part.queries.lowerBound, to: part.queries.upperBound, by: size).map {
          Part(queries: $0..<min($0 + size, part.queries.upperBound), keys: part.keys)
        }
      }
    }
    Parallel.forEach(parts.count * heads, operations: operations) { index in
      let part = parts[index / heads], head = index % heads, offset = head * dimension
      let target = result.storage.base + part.queries.lowerBound * width + offset
      guard !part.keys.isEmpty else {
        for row in 0..<part.queries.count { (target + row * width).update(repeating: 0, count: dimension) }
        return
      }
      let first = part.keys.lowerBound * width + offset
      TensorMemory.withScratch(uio2_attend_scratch(part.keys.count, dimension)) { scratch in
        uio2_attend(
          target, width, queries.pointer + part.queries.lowerBound * width + offset, width, keys.pointer + first,
          values.pointer + first, width, 0, part.queries.count, part.keys.count, dimension, scales[head],
          causalOffset ?? -1, scratch)
      }
    }
    return result
  }
}

extension SoftmaxAttention {
  /// Attention of each example's new tokens to a cache of its own.
  ///
  /// - Parameters:
  ///   - queries: `[Σ counts, heads · dimension]`, the examples one below the other.
  ///   - caches: one an example.
  ///   - counts: queries of each example.
  ///   - causal: the queries are the last tokens of the cache, and each sees those up to itself; `false`: all see all.
  /// - Returns: like `queries`.
  public static func attend(
    queries: Tensor, caches: [AttentionCache], counts: [Int], scales: [Float], causal: Bool
  ) -> Tensor {
    precondition(caches.count == counts.count && counts.reduce(0, +) == queries.rows, "counts add up to the rows")
    let width = queries.columns
    let result = Tensor(uninitialized: [queries.rows, width])
    guard let heads = caches.first?.heads else { return result }
    precondition(scales.count == heads, "one factor a head")
    var examples: [CachedExample] = []
    examples.reserveCapacity(caches.count)
    var operations = 0, start = 0
    for (cache, count) in zip(caches, counts) {
      precondition(cache.heads * cache.dimension == width, "queries are as wide as the cache")
      examples.append(
        CachedExample(
          cache: cache.pointers, queries: queries.pointer + start * width, result: result.storage.base + start * width,
          count: count))
      start += count
      operations += 4 * count * cache.count * width
    }
    withExtendedLifetime((queries, caches)) {
      scales.withUnsafeBufferPointer { scales in
        examples.withUnsafeBufferPointer { examples in
          var work = CachedAttention(examples: examples, heads: heads, width: width, scales: scales, causal: causal)
          Parallel.forEach(examples.count * heads, operations: operations, context: &work) { work, index in
            work?.assumingMemoryBound(to: CachedAttention.self).pointee.compute(index)
          }
        }
      }
    }
    return result
  }

  /// New tokens of one example, and what they attend to.
  private struct CachedExample {
    let cache: AttentionCache.Pointers
    /// Of the first head.
    let queries: UnsafePointer<Float>
    /// Like `queries`.
    let result: UnsafeMutablePointer<Float>
    let count: Int
  }

  /// One head of one example at a time.
  private struct CachedAttention {
    let examples: UnsafeBufferPointer<CachedExample>
    let heads: Int
    let width: Int
    let scales: UnsafeBufferPointer<Float>
    let causal: Bool

    func compute(_ index: Int) {
      let example = examples[index / heads], head = index % heads, offset = head * example.cache.dimension
      example.cache.attend(
        head: head, queries: example.queries + offset, count: example.count, stride: width,
        into: example.result + offset, scale: scales[head], causal: causal)
    }
  }
}
