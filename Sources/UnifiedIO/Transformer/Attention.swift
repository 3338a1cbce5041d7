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

  init(_ weights: WeightScope, _ options: Options) throws(ModelError) {
    heads = options.heads
    headDimension = options.headDimension
    let width = heads * headDimension
    query = try weights.linear("query", inputs: width, outputs: width)
    key = try weights.linear("key", inputs: width, outputs: width)
    value = try weights.linear("value", inputs: width, outputs: width)
    output = try weights.linear("out", inputs: width, outputs: width)
    queryNorm = options.qkNorm ? try weights.rmsNorm("query_norm", headDimension) : nil
    keyNorm = options.qkNorm ? try weights.rmsNorm("key_norm", headDimension) : nil
    if options.scaledCosine {
      cosineScales = try weights.tensor("logit_scale", [heads]).values.map { exp(min($0, log(Float(100)))) }
    } else {
      cosineScales = nil
    }
  }

  /// Queries of `x`, normalised and rotated, `[tokens, heads · headDimension]`.
  func queries(_ x: Tensor, _ rotary: Tensor?) -> Tensor {
    prepared(query(x), queryNorm, rotary)
  }

  /// Keys of `x`, normalised and rotated; they can be kept for later queries.
  func keys(_ x: Tensor, _ rotary: Tensor?) -> Tensor {
    prepared(key(x), keyNorm, rotary)
  }

  private func prepared(_ projected: Tensor, _ norm: RMSNorm?, _ rotary: Tensor?) -> Tensor {
    var x = norm.map { $0(projected) } ?? projected
    if let rotary { x.rotate(by: rotary) }
    if cosineScales != nil { x.normalizeLength(groupsOf: headDimension) }
    return x
  }

  /// Softmax over the first `keyCount` keys, then the output projection.
  func attend(_ queries: Tensor, keys: Tensor, values: Tensor, keyCount: Int, causalOffset: Int? = nil) -> Tensor {
    let scales = cosineScales ?? [Float](repeating: 1 / Float(headDimension).squareRoot(), count: heads)
    return output(
      SoftmaxAttention.attend(
        queries: queries, keys: keys, values: values, keyCount: keyCount, heads: heads, scales: scales,
        causalOffset: causalOffset))
  }

  /// Attention of `x` to `context` (itself by default), everything visible.
  func callAsFunction(_ x: Tensor, to context: Tensor? = nil, rotary: Tensor? = nil) -> Tensor {
    let context = context ?? x
    return attend(
      queries(x, rotary), keys: keys(context, rotary), values: value(context), keyCount: context.rows)
  }
}
