import CKernels

/// Softmax attention over heads that lie side by side in the features (feature = head · dimension + d).
public enum SoftmaxAttention {
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
    let width = queries.columns, dimension = width / heads, count = queries.rows
    precondition(keys.columns == width && values.columns == width, "queries, keys and values are equally wide")
    precondition(keyCount <= keys.rows && keyCount <= values.rows, "more keys asked for than there are")
    let result = Tensor(uninitialized: [count, width])
    guard keyCount > 0 else { return Tensor(zeros: [count, width]) }
    let uniform = scales.allSatisfy { $0 == scales[0] }
    if count == 1, uniform {
      let scores = Tensor(uninitialized: [keyCount])
      uio2_attend_one(
        result.storage.base, queries.pointer, keys.pointer, values.pointer, keyCount, heads, dimension, scales[0],
        scores.storage.base)
      return result
    }
    let scores = Tensor(uninitialized: [count, keyCount])
    for head in 0..<heads {
      let offset = head * dimension
      BLAS.multiplyTransposed(
        queries.pointer + offset, width, keys.pointer + offset, width, into: scores.storage.base, keyCount, m: count,
        n: keyCount, k: dimension, alpha: scales[head])
      uio2_softmax_rows(scores.storage.base, count, keyCount, keyCount, causalOffset ?? -1)
      BLAS.multiply(
        scores.pointer, keyCount, values.pointer + offset, width, into: result.storage.base + offset, width, m: count,
        n: dimension, k: keyCount)
    }
    return result
  }
}
