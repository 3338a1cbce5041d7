import CKernels
import Foundation
import KernelLevels
import Testing

/// Queries, keys and values of one head, in rows that are longer than the head is wide.
private struct Head {
  let queries: Int, keys: Int, dimension: Int
  let queryStride: Int, stride: Int, resultStride: Int
  let scale: Float = 0.4
  let q: Guarded<Float>
  let k: Guarded<Float>
  let v: Guarded<Float>
  let halfK: Guarded<UInt16>
  let halfV: Guarded<UInt16>

  init(queries: Int, keys: Int, dimension: Int) {
    self.queries = queries
    self.keys = keys
    self.dimension = dimension
    (queryStride, stride, resultStride) = (dimension + 3, dimension + 5, dimension + 1)
    q = Guarded(random(queries * queryStride, seed: 1, scale: 2), skew: 1)
    // Numbers that halves hold exactly, so that one reference is enough.
    let k = random(keys * stride, seed: 2, scale: 2).map { ($0 * 256).rounded() / 256 }
    let v = random(keys * stride, seed: 3, scale: 2).map { ($0 * 256).rounded() / 256 }
    self.k = Guarded(k, skew: 2)
    self.v = Guarded(v, skew: 3)
    halfK = Guarded(k.map { Float16($0).bitPattern }, skew: 3)
    halfV = Guarded(v.map { Float16($0).bitPattern }, skew: 1)
  }

  /// Of all queries, `[queries, dimension]`.
  func reference(causal: Int) -> [Double] {
    (0..<queries).flatMap { query -> [Double] in
      let visible = causal < 0 ? keys : min(keys, causal + query + 1)
      let logits = (0..<visible).map { key in
        (0..<dimension).reduce(0.0) {
          $0 + Double(q.pointer[query * queryStride + $1]) * Double(k.pointer[key * stride + $1])
        } * Double(scale)
      }
      let top = logits.max() ?? 0, weights = logits.map { exp($0 - top) }, sum = weights.reduce(0, +)
      var result = [Double](repeating: 0, count: dimension)
      for key in 0..<visible {
        for d in 0..<dimension { result[d] += weights[key] / sum * Double(v.pointer[key * stride + d]) }
      }
      return result
    }
  }

  private func withKeys<Result>(half: Bool, _ body: (UnsafeRawPointer, UnsafeRawPointer) -> Result) -> Result {
    half ? body(halfK.pointer, halfV.pointer) : body(k.pointer, v.pointer)
  }

  /// Of some of the queries, `[range.count, dimension]`.
  func attend(_ level: KernelLevel, half: Bool, causal: Int, _ range: Range<Int>) -> [Float] {
    let result = Guarded(repeating: Float.nan, count: range.count * resultStride, skew: 1)
    let scratch = Guarded(repeating: Float.nan, count: uio2_attend_scratch(keys, dimension), skew: 3)
    withKeys(half: half) {
      level.kernels.attend(
        result.pointer, resultStride, q.pointer + range.lowerBound * queryStride, queryStride, $0, $1, stride,
        half ? 1 : 0, range.count, keys, dimension, scale, causal < 0 ? causal : causal + range.lowerBound,
        scratch.pointer)
    }
    _ = scratch.values()
    let rows = result.values()
    #expect(range.allSatisfy { rows[($0 - range.lowerBound) * resultStride + dimension].isNaN })
    return range.flatMap { index -> ArraySlice<Float> in
      let start = (index - range.lowerBound) * resultStride
      return rows[start..<start + dimension]
    }
  }

  func attendOne(_ level: KernelLevel, half: Bool, query: Int) -> [Float] {
    let result = Guarded(repeating: Float.nan, count: dimension, skew: 3)
    let scores = Guarded(repeating: Float.nan, count: keys, skew: 1)
    withKeys(half: half) {
      level.kernels.attend_one(
        result.pointer, q.pointer + query * queryStride, $0, $1, stride, half ? 1 : 0, keys, dimension, scale,
        scores.pointer)
    }
    _ = scores.values()
    return result.values()
  }
}

@Suite struct AttentionTests {
  private static let keyCounts = [1, 2, 3, 15, 16, 17, 31, 33, 63, 64, 65, 100, 130]

  @Test(arguments: [1, 12, 32, 48, 64, 128]) func agreesWithTheDefinition(dimension: Int) {
    for (index, keys) in Self.keyCounts.enumerated() {
      let head = Head(queries: 1 + index, keys: keys, dimension: dimension)
      for causal in [-1, 0, 2, 70] {
        let reference = head.reference(causal: causal)
        for level in KernelLevel.all {
          for half in [false, true] {
            expectClose(
              head.attend(level, half: half, causal: causal, 0..<head.queries), reference,
              "\(level), half \(half), \(keys) keys, causal \(causal)")
            guard causal < 0 else { continue }
            for query in [0, head.queries - 1] {
              expectClose(
                head.attendOne(level, half: half, query: query),
                Array(reference[query * dimension..<(query + 1) * dimension]), "\(level), half \(half), \(keys) keys")
            }
          }
        }
      }
    }
  }

  @Test(arguments: KernelLevel.all) func aQueryDoesNotDependOnTheOthers(level: KernelLevel) {
    for (keys, dimension) in [(1, 1), (17, 12), (65, 48), (130, 64), (100, 128)] {
      let head = Head(queries: 13, keys: keys, dimension: dimension)
      for (half, causal) in [(false, -1), (true, -1), (false, 0), (true, 40)] {
        let all = head.attend(level, half: half, causal: causal, 0..<13)
        for count in 1...13 {
          let start = 13 - count
          expectIdentical(
            head.attend(level, half: half, causal: causal, start..<13), all[(start * dimension)...],
            "\(level), \(count) queries, \(keys) keys, half \(half), causal \(causal)")
        }
        for query in 0..<13 {
          expectIdentical(
            head.attend(level, half: half, causal: causal, query..<query + 1),
            all[query * dimension..<(query + 1) * dimension], "\(level), query \(query), \(keys) keys")
        }
      }
    }
  }

  @Test(arguments: KernelLevel.all) func farKeysAndKeysThatAreNoNumbers(level: KernelLevel) {
    let head = Head(queries: 2, keys: 40, dimension: 16)
    // A key that outweighs all others by far more than exp can express.
    for d in 0..<16 { head.k.pointer[7 * head.stride + d] = 1000 * head.q.pointer[d] }
    let expected = (0..<16).map { Double(head.v.pointer[7 * head.stride + $0]) }
    expectClose(Array(head.attend(level, half: false, causal: -1, 0..<1)), expected)
    expectClose(head.attendOne(level, half: false, query: 0), expected)
    head.k.pointer[30 * head.stride] = .nan
    #expect(head.attend(level, half: false, causal: -1, 0..<1).allSatisfy { $0.isNaN })
    #expect(head.attendOne(level, half: false, query: 0).allSatisfy { $0.isNaN })
    // What no query sees does not matter.
    #expect(head.attend(level, half: false, causal: 8, 0..<2).allSatisfy { $0.isFinite })
  }
}

@Suite struct RotationTests {
  @Test(arguments: KernelLevel.all) func turnsPairsByTheirAngles(level: KernelLevel) {
    for (tokens, heads, dimension) in [(1, 1, 2), (3, 2, 12), (2, 3, 15), (5, 2, 64), (1, 1, 130), (2, 1, 1)] {
      let values = random(tokens * heads * dimension, seed: 1)
      let angles = random(tokens * dimension, seed: 2, scale: 3)
      let table = Guarded(
        angles.indices.map { index -> Float in
          let pair = index % dimension / 2, angle = angles[index / dimension * dimension + 2 * pair]
          return index % dimension % 2 == 0 ? cos(angle) : sin(angle)
        }, skew: 3)
      let x = Guarded(values, skew: 2)
      level.kernels.rotary(x.pointer, table.pointer, tokens, heads, dimension)
      var reference = values.doubles
      for row in 0..<tokens * heads {
        for d in stride(from: 0, to: dimension - 1, by: 2) {
          let place = row * dimension + d, from = row / heads * dimension + d
          let (c, s) = (Double(table.pointer[from]), Double(table.pointer[from + 1]))
          reference[place] = Double(values[place]) * c - Double(values[place + 1]) * s
          reference[place + 1] = Double(values[place + 1]) * c + Double(values[place]) * s
        }
      }
      expectClose(x.values(), reference, tolerance: 1e-6)

      let scale = Guarded(random(dimension, seed: 3)), apart = Guarded(values), together = Guarded(values, skew: 3)
      level.kernels.rms_norm(apart.pointer, apart.pointer, scale.pointer, tokens * heads, dimension, 1e-6)
      level.kernels.rotary(apart.pointer, table.pointer, tokens, heads, dimension)
      level.kernels.norm_rotary(together.pointer, scale.pointer, 1e-6, table.pointer, tokens, heads, dimension)
      expectClose(together.values(), apart.values().doubles, tolerance: 2e-6)
    }
  }
}
