import Foundation
import Tensors
import TestSupport
import Testing

@Suite("Weights that are NaN or infinite are refused by tensor and place") struct FiniteWeightsTests {
  /// A checkpoint with one tensor, given as the bits of its elements.
  private func stored(
    _ type: ElementType, _ shape: [Int], _ bytes: [UInt8], name: String = "w",
    more: [(String, ElementType, [Int], [UInt8])] = []
  ) throws -> Checkpoint {
    var data: [UInt8] = []
    let entries = ([(name, type, shape, bytes)] + more).map { name, type, shape, bytes in
      defer { data += bytes }
      return
        "\"\(name)\":{\"dtype\":\"\(type.rawValue)\",\"shape\":\(shape),\"data_offsets\":[\(data.count),\(data.count + bytes.count)]}"
    }
    let header = "{" + entries.joined(separator: ",") + "}"
    return try Checkpoint(
      directory: SafetensorsFixture(header: header, data: data).write().deletingLastPathComponent())
  }

  private static let faults: [(ElementType, [UInt8])] = [
    (.f32, [0, 0, 0xc0, 0x7f]), (.f32, [0, 0, 0x80, 0x7f]), (.f32, [0, 0, 0x80, 0xff]), (.f32, [1, 0, 0x80, 0x7f]),
    (.bf16, [0xc0, 0x7f]), (.bf16, [0x80, 0xff]), (.f16, [0, 0x7e]), (.f16, [0, 0xfc]),
  ]

  private func error(_ body: () throws -> Void) -> TensorError? {
    do {
      try body()
      return nil
    } catch {
      return error as? TensorError
    }
  }

  @Test(arguments: faults) func `one of them among many is named, however it is asked for`(
    type: ElementType, bits: [UInt8]
  ) throws {
    // More than one piece of a file, so that several threads look.
    let rows = 700, columns = 401, place = (row: 523, column: 17)
    var bytes = [UInt8](repeating: 0, count: rows * columns * type.size)
    try stored(type, [rows, columns], bytes).checkFinite()
    for index in [place.row * columns + place.column, rows * columns - 1] {
      bytes.replaceSubrange(index * type.size..<(index + 1) * type.size, with: bits)
    }
    let checkpoint = try stored(type, [rows, columns], bytes)
    var ways: [() throws -> Void] = [
      { _ = try checkpoint.tensor("w", shape: [rows, columns]) }, { try checkpoint.checkFinite() },
    ]
    for format in [nil] + WeightFormat.allCases.map({ Optional($0) }) {
      ways.append {
        _ = try checkpoint.matrix("w", shape: [rows, columns], options: WeightOptions(format: format))
      }
    }
    for way in ways {
      let found = error(way)
      #expect(found?.code == .nonFinite)
      #expect(found?.subject == "w")
      #expect(found?.message.contains("[523, 17]") == true, "\(found?.message ?? "")")
    }
    // What is no weight may hold anything: golden tensors do.
    #expect(try !checkpoint.files[0].tensor("w").isFinite)
  }

  @Test func `scales of matrices in 8 bits are weights`() throws {
    let options = WeightOptions(format: .int8, block: 4)
    let shapes = WeightMatrix.storedShapes(rows: 3, columns: 5, options: options)
    var scales = [Float](repeating: 1, count: shapes.scales.reduce(1, *))
    scales[65] = .nan
    let packed = [UInt8](repeating: 128, count: shapes.packed.reduce(1, *))
    let checkpoint = try stored(
      .u8, shapes.packed, packed, name: "w.int8",
      more: [("w.scales", .f32, shapes.scales, scales.withUnsafeBytes { Array($0) })])
    let found = error { _ = try checkpoint.matrix("w", shape: [3, 5], options: .standard) }
    #expect(found?.code == .nonFinite && found?.subject == "w.scales")
    #expect(found?.message.contains("[0, 1, 1]") == true, "\(found?.message ?? "")")
    #expect(error { try checkpoint.checkFinite() }?.subject == "w.scales")
  }

  @Test func `integers have no such numbers`() throws {
    let checkpoint = try stored(.i32, [2], [0, 0, 0x80, 0x7f, 0, 0, 0xc0, 0xff])
    try checkpoint.checkFinite()
    #expect(try checkpoint.files[0].integers("w") == [0x7f80_0000, -0x40_0000])
  }

  @Test func `any damage is found where it is`() throws {
    var generator = SeededGenerator(seed: 21)
    var refused = 0, taken = 0
    for _ in 0..<200 {
      let shape = [Int.random(in: 1...5, using: &generator), Int.random(in: 1...9, using: &generator)]
      let values = (0..<shape[0] * shape[1]).map { _ -> Float in
        Int.random(in: 0..<40, using: &generator) == 0 ? .nan : .random(in: -1...1, using: &generator)
      }
      let checkpoint = try stored(.f32, shape, values.withUnsafeBytes { Array($0) })
      let found = error { _ = try checkpoint.tensor("w", shape: shape) }
      if let index = values.firstIndex(where: \.isNaN) {
        refused += 1
        #expect(found?.message.contains("\([index / shape[1], index % shape[1]])") == true)
      } else {
        taken += 1
        #expect(found == nil)
      }
    }
    #expect(refused > 40 && taken > 40)
  }
}
