import Foundation
import Tensors
import TestSupport
import Testing

/// Every kernel against a plain double-precision reference, over shapes that do not fill a vector register.
@Suite struct KernelTests {
  static let sizes = [1, 3, 15, 17, 63, 65, 130]

  private func random(_ shape: [Int], seed: UInt64, scale: Float = 2) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    return Tensor(
      (0..<shape.reduce(1, *)).map { _ in Float.random(in: -scale...scale, using: &generator) }, shape: shape)
  }

  private func expectClose(
    _ ours: [Float], _ reference: [Double], tolerance: Double = 1e-5, _ location: SourceLocation = #_sourceLocation
  ) {
    #expect(ours.count == reference.count, sourceLocation: location)
    for (a, b) in zip(ours, reference) where !(abs(Double(a) - b) <= tolerance * max(1, abs(b))) {
      Issue.record("\(a) differs from \(b)", sourceLocation: location)
      return
    }
  }

  private func matrix(_ t: Tensor) -> [[Double]] { (0..<t.rows).map { t.row($0).map { Double($0) } } }

  @Test(arguments: sizes) func linearLayers(size: Int) {
    for rows in [1, 2, 7] {
      let x = random([rows, size], seed: 1), w = random([size + 2, size], seed: 2), b = random([size + 2], seed: 3)
      let y = Linear(weight: w, bias: b)(x)
      let wm = matrix(w)
      let reference = matrix(x).flatMap { row in
        wm.enumerated().map { o, weights in zip(row, weights).reduce(Double(b.values[o])) { $0 + $1.0 * $1.1 } }
      }
      expectClose(y.values, reference, tolerance: 1e-4)
    }
  }

  @Test(arguments: sizes) func activations(size: Int) {
    let x = random([size], seed: 4, scale: 9), up = random([size], seed: 5)
    let values = x.values.map { Double($0) }
    var gate = x
    gate.applySiLUGate(up)
    expectClose(gate.values, zip(values, up.values).map { $0 / (1 + exp(-$0)) * Double($1) })
    var exact = x
    exact.applyGELU()
    expectClose(exact.values, values.map { $0 / 2 * (1 + erf($0 / 2.0.squareRoot())) })
    var approximate = x
    approximate.applyTanhGELU()
    expectClose(
      approximate.values,
      values.map { $0 / 2 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) })
  }

  @Test func activationsAreFiniteFarOut() {
    var x = Tensor([-1e4, -100, 100, 1e4], shape: [4])
    x.applyGELU()
    #expect(x.values == [0, 0, 100, 1e4])
    var gate = Tensor([-1e4, 1e4], shape: [2])
    gate.applySiLUGate(Tensor([1, 1], shape: [2]))
    #expect(gate.values[1] == 1e4 && abs(gate.values[0]) < 1e-30)
  }

  @Test(arguments: sizes) func norms(size: Int) {
    let x = random([3, size], seed: 6), scale = random([size], seed: 7), bias = random([size], seed: 8)
    let s = scale.values.map { Double($0) }, b = bias.values.map { Double($0) }
    let rms = matrix(x).flatMap { row -> [Double] in
      let mean = row.reduce(0) { $0 + $1 * $1 } / Double(size)
      return row.indices.map { row[$0] / (mean + 1e-6).squareRoot() * s[$0] }
    }
    expectClose(RMSNorm(scale: scale)(x).values, rms)
    let layer = matrix(x).flatMap { row -> [Double] in
      let mean = row.reduce(0, +) / Double(size)
      let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(size)
      return row.indices.map { (row[$0] - mean) / (variance + 1e-5).squareRoot() * s[$0] + b[$0] }
    }
    expectClose(LayerNorm(weight: scale, bias: bias, epsilon: 1e-5)(x).values, layer, tolerance: 1e-4)
  }

  @Test(arguments: [(1, 1), (1, 17), (3, 65), (17, 17), (5, 130)], [nil, 0, 2] as [Int?])
  func attention(size: (queries: Int, keys: Int), causalOffset: Int?) {
    let heads = 3, dimension = 12, width = heads * dimension
    // A single query goes through another kernel, which the decoder only uses where every key is visible.
    if size.queries == 1, causalOffset != nil { return }
    let q = random([size.queries, width], seed: 9), k = random([size.keys, width], seed: 10)
    let v = random([size.keys, width], seed: 11)
    let scale = 0.3
    let ours = SoftmaxAttention.attend(
      queries: q, keys: k, values: v, keyCount: size.keys, heads: heads, scale: Float(scale),
      causalOffset: causalOffset)
    let qm = matrix(q), km = matrix(k), vm = matrix(v)
    var reference = [Double](repeating: 0, count: size.queries * width)
    for i in 0..<size.queries {
      let visible = causalOffset.map { min(size.keys, $0 + i + 1) } ?? size.keys
      for h in 0..<heads {
        let range = h * dimension..<(h + 1) * dimension
        let logits = (0..<visible).map { j in range.reduce(0) { $0 + qm[i][$1] * km[j][$1] } * scale }
        let top = logits.max() ?? 0, weights = logits.map { exp($0 - top) }, sum = weights.reduce(0, +)
        for d in range { reference[i * width + d] = (0..<visible).reduce(0) { $0 + weights[$1] / sum * vm[$1][d] } }
      }
    }
    expectClose(ours.values, reference)
  }

  @Test func rotationTurnsPairsByTheirAngles() {
    var x = Tensor([1, 0, 0, 1, 3, 4, 1, 1], shape: [1, 8])
    x.rotate(by: Tensor([0, 1, 1, 0], shape: [1, 4]))
    #expect(x.values == [0, 1, 0, 1, -4, 3, 1, 1])
  }

  @Test func logSumExpIsExactForEqualAndFarLogits() {
    let x = Tensor([0, 0, 0, 0, 1000, -1000, 0, 0], shape: [2, 4])
    #expect(abs(x.logSumExp(row: 0) - Float(log(4.0))) < 1e-6)
    #expect(x.logSumExp(row: 1) == 1000)
  }

  @Test func copiesAreIndependent() {
    let a = Tensor([1, 2, 3], shape: [3])
    var b = a
    b *= 2
    #expect(a.values == [1, 2, 3] && b.values == [2, 4, 6])
  }

  @Test(arguments: [CachePrecision.single, .half]) func cachesGrowAndAreCopiedOnWrite(precision: CachePrecision) {
    var cache = AttentionCache(capacity: 2, heads: 1, dimension: 3, precision: precision)
    var before = cache
    for row in 0..<7 {
      // Orthogonal to nothing: each key is the number of its row.
      let values = Tensor([Float](repeating: Float(row), count: 3), shape: [1, 3])
      if row == 4 { before = cache }
      cache.append(keys: values, values: values)
    }
    #expect(cache.count == 7 && before.count == 4)
    before.append(keys: Tensor(zeros: [1, 3]), values: Tensor([9, 9, 9], shape: [1, 3]))
    // A query that is far larger than anything else sees the largest key alone.
    let query = Tensor([1000, 1000, 1000], shape: [1, 3])
    for (cache, expected) in [(cache, Float(6)), (before, 3)] {
      let seen = SoftmaxAttention.attend(queries: query, caches: [cache], counts: [1], scales: [1], causal: false)
      #expect(seen.values == [expected, expected, expected])
    }
    cache.truncate(to: 2)
    #expect(cache.count == 2)
  }

  @Test func openBLASUsesTheProcessor() {
    // Debian 12's OpenBLAS picks kernels without AVX-512 on processors that it does not know.
    let flags = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let hasAVX512 = ["avx512f", "avx512bw", "avx512dq", "avx512vl"].allSatisfy { flags.contains($0) }
    if hasAVX512, ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"] == nil {
      #expect(["SkylakeX", "Cooperlake", "SapphireRapids"].contains(BLAS.coreName))
    } else {
      #expect(!BLAS.coreName.isEmpty)
    }
  }
}
