import Foundation
import Tensors
import Testing

/// bfloat16 weights used as they are give what widened ones give.
@Suite struct WeightMatrixTests {
  /// A checkpoint with one bf16 matrix at an even or odd address, and the values of both forms.
  private func checkpoint(rows: Int, columns: Int, odd: Bool = false) throws -> Checkpoint {
    var state: UInt64 = 42
    let halves = (0..<rows * columns).map { _ -> UInt16 in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      // Numbers between 0.25 and 2 of either sign.
      return UInt16(truncatingIfNeeded: state >> 48) & 0x80ff | 0x3e80
    }
    var header = "{\"w\":{\"dtype\":\"BF16\",\"shape\":[\(rows),\(columns)],\"data_offsets\":[0,\(2 * halves.count)]}}"
    if header.utf8.count % 2 == (odd ? 0 : 1) { header += " " }
    let data = halves.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
    let url = try SafetensorsFixture(header: header, data: data).write()
    return try Checkpoint(directory: url.deletingLastPathComponent())
  }

  private func input(_ rows: Int, _ columns: Int) -> Tensor {
    Tensor((0..<rows * columns).map { Float(($0 * 37) % 101) / 50 - 1 }, shape: [rows, columns])
  }

  @Test(arguments: [1, 2, 5, 33], [(1, 1), (3, 7), (64, 48), (130, 4099)])
  func storedProductsAgreeWithWidenedOnes(count: Int, shape: (Int, Int)) throws {
    let (rows, columns) = shape
    let checkpoint = try checkpoint(rows: rows, columns: columns)
    let stored = try checkpoint.matrix("w", shape: [rows, columns], options: WeightOptions(format: .bf16))
    let widened = try checkpoint.matrix("w", shape: [rows, columns], options: WeightOptions(format: .f32))
    #expect(stored.format == .bf16 && widened.format == .f32)
    #expect(stored.widened().values == widened.widened().values)
    let x = input(count, columns)
    for range in [0..<rows, rows / 2..<rows, 0..<0] {
      let a = x.multiplied(byRowsOf: stored, range), b = x.multiplied(byRowsOf: widened, range)
      #expect(a.shape == [count, range.count])
      let bound = 4 * Float(columns).squareRoot() * 1e-6 * Float(columns).squareRoot()
      #expect(zip(a.values, b.values).allSatisfy { abs($0 - $1) <= bound + abs($1) * 1e-5 })
    }
  }

  @Test func looksUpRowsInAnyOrder() throws {
    let checkpoint = try checkpoint(rows: 9, columns: 5)
    let stored = try checkpoint.matrix("w", shape: [9, 5], options: WeightOptions(format: .bf16))
    let whole = try checkpoint.tensor("w", shape: [9, 5])
    #expect(stored.gatheringRows([8, 0, 8]).values == whole.gatheringRows([8, 0, 8]).values)
    #expect(stored.gatheringRows([]).count == 0)
  }

  @Test func oddAddressesAreCopied() throws {
    let checkpoint = try checkpoint(rows: 3, columns: 3, odd: true)
    #expect(checkpoint.entry("w").map { $0.offset % 2 } == 1)
    let stored = try checkpoint.matrix("w", shape: [3, 3], options: WeightOptions(format: .bf16))
    #expect(stored.widened().values == (try checkpoint.tensor("w", shape: [3, 3]).values))
  }

  @Test func floatsStayFloatsAndShapesAreChecked() throws {
    let url = try SafetensorsFixture.good.write()
    let checkpoint = try Checkpoint(directory: url.deletingLastPathComponent())
    #expect(try checkpoint.matrix("a", shape: [2, 2], options: WeightOptions()).format == .f32)
    #expect(throws: TensorError.self) {
      try checkpoint.matrix("a", shape: [2, 3], options: WeightOptions(format: .bf16))
    }
    #expect(checkpoint.widenedSize == 4 * (4 + 3 + 2 + 1))
    #expect(WeightFormat.suited(to: checkpoint) == .f32)
  }

  @Test func roundsToNearestEvenAndKeepsWhatIsNotANumber() {
    let cases: [(Float, UInt16)] = [
      (1, 0x3f80), (-2, 0xc000), (1.00390625, 0x3f80), (1.01171875, 0x3f82), (.infinity, 0x7f80), (-.infinity, 0xff80),
      (.greatestFiniteMagnitude, 0x7f80), (-0.0, 0x8000), (0x1p-149, 0),
    ]
    let bytes = cases.map(\.0).withUnsafeBytes { ElementConversion.convert($0, from: .f32, to: .bf16) }
    let halves = stride(from: 0, to: bytes.count, by: 2).map { UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8 }
    #expect(halves == cases.map(\.1))
    let nan = [Float(bitPattern: 0x7f80_0001), -Float.nan].withUnsafeBytes {
      ElementConversion.convert($0, from: .f32, to: .bf16)
    }
    let back = nan.withUnsafeBytes { ElementConversion.convert($0, from: .bf16, to: .f32) }
    #expect(back.withUnsafeBytes { $0.bindMemory(to: Float.self).allSatisfy { $0.isNaN } })
  }
}
