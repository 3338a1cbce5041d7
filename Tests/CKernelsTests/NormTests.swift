import KernelLevels
import Testing

@Suite struct NormTests {
  private static let rows = 3

  private struct Case {
    let columns: Int
    let x: [Float]
    let scale: Guarded<Float>
    let bias: Guarded<Float>

    init(_ columns: Int) {
      self.columns = columns
      x = random(NormTests.rows * columns, seed: 1, scale: 2)
      scale = Guarded(random(columns, seed: 2), skew: 3)
      bias = Guarded(random(columns, seed: 3), skew: 2)
    }

    /// `body` of each row.
    func reference(_ body: (_ row: [Double], _ scale: [Double], _ bias: [Double]) -> [Double]) -> [Double] {
      (0..<NormTests.rows).flatMap {
        body(x[$0 * columns..<($0 + 1) * columns].map { Double($0) }, scale.values().doubles, bias.values().doubles)
      }
    }

    /// Elsewhere and in place.
    func check(
      _ reference: [Double], _ kernel: (_ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>) -> Void
    ) {
      let input = Guarded(x, skew: 1), output = Guarded(repeating: Float.nan, count: x.count, skew: 2)
      kernel(output.pointer, input.pointer)
      expectClose(output.values(), reference)
      kernel(input.pointer, input.pointer)
      expectIdentical(input.values(), output.values())
    }
  }

  @Test(arguments: KernelLevel.all) func rootMeanSquare(level: KernelLevel) {
    for size in awkwardSizes.map(Case.init) {
      let reference = size.reference { row, scale, _ in
        let mean = row.reduce(0) { $0 + $1 * $1 } / Double(row.count)
        return row.indices.map { row[$0] / (mean + 1e-6).squareRoot() * scale[$0] }
      }
      size.check(reference) { level.kernels.rms_norm($0, $1, size.scale.pointer, Self.rows, size.columns, 1e-6) }
    }
  }

  @Test(arguments: KernelLevel.all) func layers(level: KernelLevel) {
    for size in awkwardSizes.map(Case.init) {
      let reference = size.reference { row, scale, bias in
        let mean = row.reduce(0, +) / Double(row.count)
        let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
        return row.indices.map { (row[$0] - mean) / (variance + 1e-5).squareRoot() * scale[$0] + bias[$0] }
      }
      size.check(reference) {
        level.kernels.layer_norm($0, $1, size.scale.pointer, size.bias.pointer, Self.rows, size.columns, 1e-5)
      }
    }
  }

  @Test(arguments: KernelLevel.all) func unitLength(level: KernelLevel) {
    for columns in awkwardSizes {
      var x = random(2 * columns, seed: 4)
      x.replaceSubrange(columns..., with: repeatElement(0, count: columns))
      let memory = Guarded(x)
      level.kernels.l2_normalize(memory.pointer, 2, columns, 1e-6)
      let length = x.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      expectClose(memory.values(), x.doubles.map { $0 / max(length, 1e-6) })
    }
  }

  @Test(arguments: KernelLevel.all) func groups(level: KernelLevel) {
    for (channels, groups, pixels) in [(4, 2, 3), (6, 3, 700), (32, 32, 5), (3, 1, 1000)] {
      let values = random(channels * pixels, seed: 5).map { $0 + 3 }
      let x = Guarded(values), y = Guarded(repeating: Float.nan, count: values.count, skew: 3)
      let weight = Guarded(random(channels, seed: 6)), bias = Guarded(random(channels, seed: 7))
      let scale = Guarded(repeating: Float.nan, count: channels, skew: 1)
      let shift = Guarded(repeating: Float.nan, count: channels, skew: 2)
      level.kernels.group_norm_factors(
        scale.pointer, shift.pointer, x.pointer, weight.pointer, bias.pointer, channels, groups, pixels, 1e-6)
      level.kernels.scale_shift(y.pointer, x.pointer, scale.pointer, shift.pointer, channels, pixels, 0)
      let members = channels / groups * pixels
      let reference = (0..<groups).flatMap { group -> [Double] in
        let part = values[group * members..<(group + 1) * members].map { Double($0) }
        let mean = part.reduce(0, +) / Double(members)
        let variance = part.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(members)
        return part.indices.map {
          let channel = group * channels / groups + $0 / pixels
          return (part[$0] - mean) / (variance + 1e-6).squareRoot() * Double(weight.pointer[channel])
            + Double(bias.pointer[channel])
        }
      }
      expectClose(y.values(), reference)
      let activated = Guarded(repeating: Float.nan, count: values.count, skew: 1)
      level.kernels.scale_shift(activated.pointer, x.pointer, scale.pointer, shift.pointer, channels, pixels, 1)
      level.kernels.silu(y.pointer, values.count)
      expectClose(activated.values(), y.values().doubles, tolerance: 1e-6)
    }
  }
}
