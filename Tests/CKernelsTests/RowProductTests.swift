import CKernels
import KernelLevels
import Testing

/// Products with 32-bit and bfloat16 weights.
@Suite struct RowProductTests {
  private struct Case {
    let rows: Int, columns: Int, xStride: Int
    let x: Guarded<Float>
    let w: Guarded<Float>
    let halves: Guarded<UInt16>
    static let count = 13

    init(_ rows: Int, _ columns: Int) {
      self.rows = rows
      self.columns = columns
      xStride = columns + 3
      x = Guarded(random(Self.count * xStride, seed: 1), skew: 1)
      // Weights that bfloat16 holds exactly.
      let weights = random(rows * columns, seed: 2).map { Float(bitPattern: $0.bitPattern & 0xffff_0000) }
      w = Guarded(weights, skew: 3)
      halves = Guarded(weights.map { UInt16($0.bitPattern >> 16) }, skew: 1)
    }

    func reference(_ row: Int, _ output: Int) -> Double {
      (0..<columns).reduce(0) { $0 + Double(x.pointer[row * xStride + $1]) * Double(w.pointer[output * columns + $1]) }
    }

    /// `[rows of x, outputs]` of some rows of x and some outputs.
    func product(_ level: KernelLevel, brain: Bool, _ inputs: Range<Int>, _ outputs: Range<Int>) -> [Float] {
      let stride = outputs.count + 2
      let y = Guarded(repeating: Float.infinity, count: inputs.count * stride, skew: 2)
      let from = x.pointer + inputs.lowerBound * xStride
      if brain {
        level.kernels.bf16_rows(
          y.pointer, stride, halves.pointer + outputs.lowerBound * columns, from, xStride, inputs.count, outputs.count,
          columns)
      } else {
        level.kernels.f32_rows(
          y.pointer, stride, w.pointer + outputs.lowerBound * columns, from, xStride, inputs.count, outputs.count,
          columns)
      }
      return rows(of: y.values(), inputs, outputs.count, stride)
    }

    /// All outputs of some rows of x, by the kernels for many rows.
    func wideProduct(_ level: KernelLevel, brain: Bool, _ inputs: Range<Int>) -> [Float] {
      let stride = rows + 2, kernels = level.kernels
      let y = Guarded(repeating: Float.infinity, count: inputs.count * stride, skew: 2)
      let packed = Guarded(repeating: Float.nan, count: uio2_wide_pack_size(inputs.count, columns), skew: 3)
      let scratch = Guarded(repeating: Float.nan, count: uio2_wide_scratch(rows), skew: 1)
      kernels.wide_pack(packed.pointer, x.pointer + inputs.lowerBound * xStride, xStride, inputs.count, columns)
      if brain {
        kernels.wide_bf16(
          y.pointer, stride, packed.pointer, inputs.count, halves.pointer, columns, rows, scratch.pointer)
      } else {
        kernels.wide_f32(y.pointer, stride, packed.pointer, inputs.count, w.pointer, columns, rows, scratch.pointer)
      }
      return rows(of: y.values(), inputs, rows, stride)
    }

    /// The first `count` numbers of each row; what lies between the rows must not have been written.
    private func rows(of values: [Float], _ inputs: Range<Int>, _ count: Int, _ stride: Int) -> [Float] {
      #expect(inputs.indices.allSatisfy { values[($0 - inputs.lowerBound) * stride + count] == .infinity })
      return inputs.flatMap { row -> ArraySlice<Float> in
        let start = (row - inputs.lowerBound) * stride
        return values[start..<start + count]
      }
    }
  }

  private static let shapes = [(1, 1), (3, 3), (4, 15), (17, 17), (63, 65), (65, 130), (7, 1000), (64, 64), (2, 4099)]

  @Test(arguments: KernelLevel.all, [false, true]) func agreesWithTheDefinition(level: KernelLevel, brain: Bool) {
    for (rows, columns) in Self.shapes {
      let size = Case(rows, columns)
      let y = size.product(level, brain: brain, 0..<Case.count, 0..<rows)
      let reference = (0..<Case.count * rows).map { size.reference($0 / rows, $0 % rows) }
      expectClose(y, reference, tolerance: 1e-6, unit: Double(columns).squareRoot(), "\(rows) x \(columns)")
    }
  }

  @Test(arguments: KernelLevel.all, [false, true]) func aRowDoesNotDependOnTheOthers(level: KernelLevel, brain: Bool) {
    for (rows, columns) in Self.shapes {
      let size = Case(rows, columns)
      let all = size.product(level, brain: brain, 0..<Case.count, 0..<rows)
      for count in 1...Case.count {
        let start = Case.count - count
        expectIdentical(
          size.product(level, brain: brain, start..<Case.count, 0..<rows), all[(start * rows)...], "\(count) rows")
        expectIdentical(
          size.product(level, brain: brain, start..<start + 1, 0..<rows), all[start * rows..<(start + 1) * rows],
          "row \(start) alone")
      }
      // Nor on which other outputs are wanted.
      for output in Set([0, rows / 2, rows - 1]) {
        expectIdentical(
          size.product(level, brain: brain, 0..<1, output..<output + 1), all[output..<output + 1], "output \(output)")
      }
    }
  }

  /// Many rows, packed first.
  @Test(arguments: KernelLevel.all, [false, true]) func manyRowsToo(level: KernelLevel, brain: Bool) {
    for (rows, columns) in Self.shapes {
      let size = Case(rows, columns)
      let all = size.wideProduct(level, brain: brain, 0..<Case.count)
      let reference = (0..<Case.count * rows).map { size.reference($0 / rows, $0 % rows) }
      expectClose(all, reference, tolerance: 1e-6, unit: Double(columns).squareRoot(), "\(rows) x \(columns)")
      for count in [1, 5, 6, 7, 12] {
        let start = Case.count - count
        expectIdentical(
          size.wideProduct(level, brain: brain, start..<Case.count), all[(start * rows)...], "\(count) rows")
      }
    }
  }
}
