import Tensors
import TestSupport
import Testing

/// A row of a product has the bits that it has alone, as long as there are not more rows than the layer promises that for.
@Suite struct RowsSummedAlikeTests {
  static let options: [WeightOptions] = [
    WeightOptions(format: .f32), WeightOptions(format: .bf16), WeightOptions(format: .int8, activations: .f32),
    WeightOptions(format: .int8, activations: .int8), WeightOptions(format: .int8, activations: .int16, block: 32),
  ]

  private func random(_ rows: Int, _ columns: Int, _ generator: inout SeededGenerator) -> Tensor {
    Tensor((0..<rows * columns).map { _ in Float.random(in: -1...1, using: &generator) }, shape: [rows, columns])
  }

  @Test(arguments: options, [(70, 33), (192, 256), (640, 1024)])
  func aRowDoesNotDependOnItsCompany(options: WeightOptions, shape: (outputs: Int, inputs: Int)) throws {
    var generator = SeededGenerator(seed: 11)
    let format = try #require(options.format)
    let weights = WeightMatrix(random(shape.outputs, shape.inputs, &generator)).converted(to: format, options: options)
    let layer = Linear(weight: weights)
    let isExact = format == .int8 && options.activations != .f32
    #expect(isExact == (layer.rowsSummedAlike == .max))
    let x = random(min(40, layer.rowsSummedAlike), shape.inputs, &generator)
    let alone = (0..<x.rows).map { layer(x.rows(in: $0..<$0 + 1)).values }
    for count in 1...x.rows {
      let first = x.rows - count
      let together = layer(x.rows(in: first..<x.rows))
      #expect((0..<count).allSatisfy { together.row($0) == alone[first + $0] }, "\(count) rows")
    }
  }

  /// Nor among many, where another kernel takes them.
  @Test(arguments: options, [(70, 33), (192, 256)])
  func norDoesARowAmongMany(options: WeightOptions, shape: (outputs: Int, inputs: Int)) throws {
    var generator = SeededGenerator(seed: 12)
    let format = try #require(options.format)
    let weights = WeightMatrix(random(shape.outputs, shape.inputs, &generator)).converted(to: format, options: options)
    let layer = Linear(weight: weights), x = random(60, shape.inputs, &generator), all = layer(x)
    for first in [1, 6, 17, 60 - Linear.fewRows - 1] {
      let some = layer(x.rows(in: first..<60))
      #expect((first..<60).allSatisfy { some.row($0 - first) == all.row($0) }, "from row \(first)")
    }
  }
}
