import Foundation
import Tensors

/// Multi-head attention as the encoder, the decoder and the perceiver use it: no biases, optional QK norm before the rotary
/// embedding, logits in f32 scaled by `1/√headDimension` (QK norm does not remove that factor).
struct Attention: Sendable {
  let query: Linear
  let key: Linear
  let value: Linear
  let output: Linear
  let queryNorm: RMSNorm?
  let keyNorm: RMSNorm?
  /// Factors of cosine attention, one a head; `nil`: dot products over `√headDimension`.
  let cosineScales: [Float]?
  let heads: Int
  let headDimension: Int

  struct Options {
    var heads: Int
    var headDimension: Int
    var qkNorm: Bool
    var scaledCosine = false
  }

  /// - Parameter queries: how the weights are taken that queries, rather than what is attended to, go through.
  init(
    _ weights: WeightScope, _ options: Options, queries: (WeightScope) -> WeightScope = { $0 }
  ) throws(ModelError) {
    heads = options.heads
    headDimension = options.headDimension
    let width = heads * headDimension
    query = try queries(weights).linear("query", inputs: width, outputs: width)
    key = try weights.linear("key", inputs: width, outputs: width)
    value = try weights.linear("value", inputs: width, outputs: width)
    output = try queries(weights).linear("out", inputs: width, outputs: width)
    queryNorm = options.qkNorm ? try weights.rmsNorm("query_norm", headDimension) : nil
    keyNorm = options.qkNorm ? try weights.rmsNorm("key_norm", headDimension) : nil
    if options.scaledCosine {
      cosineScales = try weights.tensor("logit_scale", [heads]).values.map { exp(min($0, log(Float(100)))) }
    } else {
      cosineScales = nil
    }
  }

  /// Factor of the logits, one a head.
  private var scales: [Float] {
    cosineScales ?? [Float](repeating: 1 / Float(headDimension).squareRoot(), count: heads)
  }

  /// Norm and rotary embedding, in place.
  private func prepare(_ x: inout Tensor, _ norm: RMSNorm?, _ rotary: Tensor?) {
    switch (norm, rotary) {
    case (let norm?, let rotary?): x.normalizeAndRotate(norm, by: rotary)
    case (let norm?, nil): x = norm(x)
    case (nil, let rotary?): x.rotate(by: rotary)
    case (nil, nil): break
    }
    if cosineScales != nil { x.normalizeLength(groupsOf: headDimension) }
  }

  /// Attention of each example's tokens to themselves, everything visible.
  ///
  /// - Parameters:
  ///   - x: `[tokens, heads · headDimension]`, the examples one below the other.
  ///   - rotary: `[tokens, headDimension]`.
  ///   - lengths: tokens of each example.
  func callAsFunction(_ x: Tensor, rotary: Tensor?, lengths: [Int]) -> Tensor {
    var projected = Linear.each([query, key, value], of: x)
    prepare(&projected[0], queryNorm, rotary)
    prepare(&projected[1], keyNorm, rotary)
    return output(
      SoftmaxAttention.attend(
        queries: projected[0], keys: projected[1], values: projected[2], lengths: lengths, heads: heads, scales: scales)
    )
  }

  /// Attention of `x` to all of `context`.
  func callAsFunction(_ x: Tensor, to context: Tensor) -> Tensor {
    var projected = Linear.each([key, value], of: context)
    prepare(&projected[0], keyNorm, nil)
    var queries = query(x)
    prepare(&queries, queryNorm, nil)
    return output(
      SoftmaxAttention.attend(
        queries: queries, keys: projected[0], values: projected[1], keyCount: context.rows, heads: heads, scales: scales
      ))
  }

  /// Attention of each example's new tokens to those before and to themselves, as far as they are not later.
  ///
  /// - Parameters:
  ///   - x: `[Σ counts, heads · headDimension]`, the examples one below the other.
  ///   - rotary: `[Σ counts, headDimension]`.
  ///   - counts: new tokens of each example.
  ///   - states: of each example; the new keys and values are appended to the caches of `layer`.
  func extend(_ x: Tensor, rotary: Tensor, counts: [Int], states: inout [DecoderState], layer: Int) -> Tensor {
    var projected = Linear.each([query, key, value], of: x)
    prepare(&projected[0], queryNorm, rotary)
    prepare(&projected[1], keyNorm, rotary)
    var start = 0
    for (index, count) in counts.enumerated() {
      states[index].caches[layer].append(keys: projected[1], values: projected[2], rows: start..<start + count)
      start += count
    }
    return output(
      SoftmaxAttention.attend(
        queries: projected[0], caches: states.map { $0.caches[layer] }, counts: counts, scales: scales, causal: true))
  }

  /// Keys and values of `context` to be kept: they are the same for every query.
  func memory(of context: Tensor, rotary: Tensor, precision: CachePrecision) -> AttentionCache {
    var projected = Linear.each([key, value], of: context)
    prepare(&projected[0], keyNorm, rotary)
    return AttentionCache(keys: projected[0], values: projected[1], heads: heads, precision: precision)
  }

  /// Attention of each example's new tokens to what is kept of its context.
  func read(_ x: Tensor, rotary: Tensor, counts: [Int], memories: [AttentionCache]) -> Tensor {
    var queries = query(x)
    prepare(&queries, queryNorm, rotary)
    return output(
      SoftmaxAttention.attend(queries: queries, caches: memories, counts: counts, scales: scales, causal: false))
  }
}
