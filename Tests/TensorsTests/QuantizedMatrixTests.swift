import Tensors
import TestSupport
import Testing

/// Products and look-ups of matrices in every format against their own widened weights in double precision.
@Suite struct QuantizedMatrixTests {
  static let blocks = [4, 64, 256, WeightOptions.wholeRow]
  /// Rows of the input: what the row kernels take at once, more than they take, and one.
  static let counts = [1, 3, 12, 13, 40]

  private func random(_ rows: Int, _ columns: Int, seed: UInt64) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    return Tensor(
      (0..<rows * columns).map { _ in Float.random(in: -1...1, using: &generator) }, shape: [rows, columns])
  }

  /// The inputs as a product with 8-bit weights sees them.
  private func rounded(_ x: Tensor, block: Int, _ format: ActivationFormat) -> Tensor {
    guard format != .f32 else { return x }
    let largest: Float = format == .int8 ? 127 : 127 * 128
    var values = x.values
    let columns = x.columns
    for row in 0..<x.rows {
      for start in stride(from: 0, to: columns, by: block) {
        let range = row * columns + start..<row * columns + min(start + block, columns)
        let top = values[range].map { abs($0) }.max() ?? 0
        for index in range where top > 0 {
          values[index] = (values[index] * (largest / top)).rounded(.toNearestOrEven) * (top / largest)
        }
      }
    }
    return Tensor(values, shape: x.shape)
  }

  private func expectProduct(
    _ y: Tensor, _ x: Tensor, _ weights: Tensor, _ range: Range<Int>, _ location: SourceLocation = #_sourceLocation
  ) {
    #expect(y.shape == [x.rows, range.count], sourceLocation: location)
    let (ours, xs, ws, columns) = (y.values, x.values, weights.values, x.columns)
    for index in ours.indices {
      let row = index / range.count, output = range.lowerBound + index % range.count
      let exact = (0..<columns).reduce(0.0) { $0 + Double(xs[row * columns + $1]) * Double(ws[output * columns + $1]) }
      guard abs(Double(ours[index]) - exact) > 2e-6 * Double(columns).squareRoot() else { continue }
      Issue.record("row \(row), output \(output): \(ours[index]) is not \(exact)", sourceLocation: location)
      return
    }
  }

  /// Ranges that begin and end on, before and behind the edges of tiles.
  private func ranges(_ rows: Int) -> [Range<Int>] {
    [0..<rows, 0..<0, rows / 2..<rows, min(63, rows - 1)..<rows, min(70, rows)..<min(200, rows), 0..<min(65, rows)]
  }

  @Test(arguments: blocks, ActivationFormat.allCases)
  func productsOfEightBits(block: Int, activations: ActivationFormat) {
    for (rows, columns) in [(1, 1), (3, 5), (65, 130), (200, 63), (300, 1000)] {
      let options = WeightOptions(activations: activations, block: block)
      let matrix = WeightMatrix(random(rows, columns, seed: 1)).converted(to: .int8, options: options)
      #expect(matrix.format == .int8)
      let widened = matrix.widened()
      for count in Self.counts where count == 3 || rows < 300 {
        let x = random(count, columns, seed: 2)
        let seen = rounded(x, block: block, activations)
        let whole = x.multiplied(byRowsOf: matrix, 0..<rows).values
        for range in ranges(rows) {
          let y = x.multiplied(byRowsOf: matrix, range)
          expectProduct(y, seen, widened, range)
          guard activations != .f32 || count <= 12 else { continue }
          let part = (0..<count).flatMap { whole[$0 * rows + range.lowerBound..<$0 * rows + range.upperBound] }
          #expect(y.values == part, "a part has other bits than the whole")
        }
      }
    }
  }

  @Test(arguments: [WeightFormat.f32, .bf16]) func productsOfFloats(format: WeightFormat) {
    for (rows, columns) in [(1, 1), (3, 5), (65, 130), (200, 63)] {
      let matrix = WeightMatrix(random(rows, columns, seed: 3)).converted(to: format)
      #expect(matrix.format == format)
      for count in Self.counts {
        let x = random(count, columns, seed: 4)
        for range in ranges(rows) {
          expectProduct(x.multiplied(byRowsOf: matrix, range), x, matrix.widened(), range)
        }
      }
    }
  }

  @Test func aRowDoesNotDependOnTheOthers() {
    let x = random(13, 130, seed: 5)
    for format in WeightFormat.allCases {
      for activations in ActivationFormat.allCases {
        let options = WeightOptions(activations: activations, block: 64)
        let matrix = WeightMatrix(random(100, 130, seed: 6)).converted(to: format, options: options)
        // Beyond twelve rows BLAS takes over, except where both sides have 8 bits.
        let most = format == .int8 && activations != .f32 ? 13 : 12
        let rows = Array(x.values[..<(most * 130)])
        let all = Tensor(rows, shape: [most, 130]).multiplied(byRowsOf: matrix, 0..<100).values
        for row in 0..<most {
          let alone = Tensor(Array(rows[row * 130..<(row + 1) * 130]), shape: [1, 130])
          #expect(alone.multiplied(byRowsOf: matrix, 0..<100).values == Array(all[row * 100..<(row + 1) * 100]))
        }
      }
    }
  }

  /// Many rows widen the weights share by share, on several threads at the same time.
  @Test(arguments: [WeightFormat.bf16, .int8]) func widenedSharesDoNotGetMixedUp(format: WeightFormat) {
    let options = WeightOptions(activations: .f32, block: 64)
    let matrix = WeightMatrix(random(1600, 128, seed: 11)).converted(to: format, options: options)
    let widened = WeightMatrix(matrix.widened()), x = random(40, 128, seed: 12)
    let expected = x.multiplied(byRowsOf: widened, 0..<1600).values
    for _ in 0..<20 where x.multiplied(byRowsOf: matrix, 0..<1600).values != expected {
      Issue.record("a product differs from that of the widened weights")
      return
    }
  }

  @Test func layersOfOneInputMayBeKeptInDifferentFormats() {
    // Among them one block with both kinds of activations, and many rows: shares of more than one tile.
    let x = random(40, 64, seed: 7)
    let kinds: [(WeightFormat, ActivationFormat, Int)] = [
      (.int8, .int8, 64), (.int8, .f32, 64), (.int8, .int16, 64), (.f32, .f32, 64), (.int8, .int8, 4),
      (.bf16, .int8, 64),
    ]
    let matrices = kinds.map { format, activations, block in
      WeightMatrix(random(400, 64, seed: 8)).converted(
        to: format, options: WeightOptions(activations: activations, block: block))
    }
    let results = Linear.each(matrices.map { Linear(weight: $0) }, of: x)
    for (matrix, (kind, result)) in zip(matrices, zip(kinds, results)) {
      let seen = kind.0 == .int8 ? rounded(x, block: kind.2, kind.1) : x
      expectProduct(result, seen, matrix.widened(), 0..<400)
    }
  }

  @Test(arguments: blocks) func lookUpsAndConversions(block: Int) {
    let exact = random(130, 17, seed: 9)
    let options = WeightOptions(block: block)
    for format in WeightFormat.allCases {
      let matrix = WeightMatrix(exact).converted(to: format, options: options)
      let widened = matrix.widened(), wanted = [129, 0, 64, 63, 64]
      #expect(matrix.gatheringRows(wanted).values == widened.gatheringRows(wanted).values)
      #expect(matrix.gatheringRows([]).shape == [0, 17])
      // Widened weights are held exactly by the format that they came from.
      #expect(matrix.converted(to: .f32).widened().values == widened.values)
      #expect(matrix.converted(to: format, options: options).widened().values == widened.values)
      let limit: Float = format == .f32 ? 0 : format == .bf16 ? 0x1p-9 : 0.51 / 127
      #expect(zip(widened.values, exact.values).allSatisfy { abs($0 - $1) <= limit })
      let throughHalves = matrix.converted(to: .bf16).converted(to: .int8, options: options)
      #expect(throughHalves.format == .int8 && throughHalves.rows == 130 && throughHalves.columns == 17)
    }
    let empty = WeightMatrix(Tensor(zeros: [0, 5])).converted(to: .int8, options: options)
    #expect(empty.rows == 0 && random(2, 5, seed: 10).multiplied(byRowsOf: empty, 0..<0).count == 0)
  }

  @Test func rowsLongerThanAnyBlock() {
    // One scale for all of it would need sums of more than 32 bits.
    let columns = 70_001
    let ones = WeightMatrix(Tensor([Float](repeating: 1, count: columns), shape: [1, columns]))
    let matrix = ones.converted(to: .int8, options: WeightOptions(block: WeightOptions.wholeRow))
    let y = Tensor([Float](repeating: 1, count: columns), shape: [1, columns]).multiplied(byRowsOf: matrix, 0..<1)
    #expect(abs(y.values[0] - Float(columns)) < 1)
  }
}
