import CKernels
import Foundation
import Tensors
import TestSupport
import Testing

/// Checkpoints that hold matrices in 8 bits: `NAME.int8` and `NAME.scales`.
@Suite struct QuantizedCheckpointTests {
  /// A tensor of a file, with the bytes that its header promises.
  private struct Stored {
    var name: String
    var type: ElementType
    var shape: [Int]
    var bytes: [UInt8]
  }

  /// - Parameter padding: bytes before the first tensor's place, so that it lies at any address.
  private func checkpoint(_ tensors: [Stored], padding: Int = 0) throws -> Checkpoint {
    var entries: [String] = [], data: [UInt8] = []
    for tensor in tensors {
      entries.append(
        "\"\(tensor.name)\":{\"dtype\":\"\(tensor.type.rawValue)\",\"shape\":\(tensor.shape),"
          + "\"data_offsets\":[\(data.count),\(data.count + tensor.bytes.count)]}")
      data += tensor.bytes
    }
    var header = "{" + entries.joined(separator: ",") + "}"
    header += String(repeating: " ", count: (8 - header.utf8.count % 8) % 8 + padding)
    let url = try SafetensorsFixture(header: header, data: data).write()
    let folder = url.deletingLastPathComponent()
    defer { try? FileManager.default.removeItem(at: folder) }
    return try Checkpoint(directory: folder)
  }

  private func weights(_ rows: Int, _ columns: Int) -> [Float] {
    var generator = SeededGenerator(seed: 1)
    return (0..<rows * columns).map { _ in Float.random(in: -1...1, using: &generator) }
  }

  /// Both parts as they are written.
  private func stored(_ rows: Int, _ columns: Int, block: Int) -> [Stored] {
    let tiles = (rows + 63) / 64, blocks = (columns + block - 1) / block, tileSize = (columns + 3) / 4 * 256
    var packed = [UInt8](repeating: 0, count: tiles * tileSize)
    var scales = [Float](repeating: 0, count: tiles * blocks * 64)
    let weights = weights(rows, columns)
    for tile in 0..<tiles {
      var part = [UInt8](repeating: 0, count: tileSize), partScales = [Float](repeating: 0, count: blocks * 64)
      let some = Array(weights[tile * 64 * columns..<min((tile + 1) * 64, rows) * columns])
      uio2_i8_pack(&part, &partScales, some, some.count / columns, columns, block)
      packed.replaceSubrange(tile * tileSize..<(tile + 1) * tileSize, with: part)
      scales.replaceSubrange(tile * blocks * 64..<(tile + 1) * blocks * 64, with: partScales)
    }
    return [
      Stored(name: "w.int8", type: .u8, shape: [tiles, (columns + 3) / 4, 64, 4], bytes: packed),
      Stored(
        name: "w.scales", type: .f32, shape: [tiles, blocks, 64], bytes: scales.withUnsafeBytes { Array($0) }),
    ]
  }

  @Test(arguments: [4, 64, 256, 65536], [0, 1, 2, 3]) func storedMatricesAreThoseThatWereWritten(
    block: Int, padding: Int
  )
    throws
  {
    for (rows, columns) in [(1, 1), (3, 5), (64, 64), (130, 17), (65, 1000)] {
      let checkpoint = try checkpoint(stored(rows, columns, block: block), padding: padding)
      #expect(checkpoint.isQuantized && WeightFormat.suited(to: checkpoint) == .int8)
      let exact = WeightMatrix(Tensor(weights(rows, columns), shape: [rows, columns]))
      let x = Tensor(Array(weights(3, columns)), shape: [3, columns])
      for activations in ActivationFormat.allCases {
        let options = WeightOptions(activations: activations, block: block)
        let ours = try checkpoint.matrix("w", shape: [rows, columns], options: options)
        let made = exact.converted(to: .int8, options: options)
        #expect(ours.format == .int8 && ours.widened().values == made.widened().values)
        #expect(
          x.multiplied(byRowsOf: ours, 0..<rows).values == x.multiplied(byRowsOf: made, 0..<rows).values)
        try checkpoint.checkNothingIsLeft { _ in false }
      }
      for format in WeightFormat.allCases {
        let matrix = try checkpoint.matrix("w", shape: [rows, columns], options: WeightOptions(format: format))
        #expect(matrix.format == format)
      }
    }
  }

  private func code(_ tensors: [Stored], shape: [Int] = [130, 70]) throws -> TensorError.Code? {
    let checkpoint = try checkpoint(tensors)
    do {
      _ = try checkpoint.matrix("w", shape: shape, options: .standard)
      return nil
    } catch { return error.code }
  }

  @Test func faultsAreNamed() throws {
    let good = stored(130, 70, block: 64)
    #expect(try code(good) == nil)
    #expect(try code([good[0]]) == .missingTensor)
    #expect(try code([good[1]]) == .missingTensor)
    for shape in [[128, 70], [193, 70], [130, 64], [130, 73], [130, 140], [130, 1], [130, 0]] {
      #expect(try code(good, shape: shape) == .shapeMismatch)
    }
    var faulty = good
    faulty[0].type = .i32
    faulty[0].shape[3] = 1
    #expect(try code(faulty) == .shapeMismatch)
    faulty = good
    faulty[0].type = .f32
    faulty[0].bytes += Array(repeating: 0, count: 3 * good[0].bytes.count)
    #expect(try code(faulty) == .unsupportedType)
    faulty = good
    faulty[1].type = .i32
    #expect(try code(faulty) == .unsupportedType)
    faulty = good
    faulty[1].shape = [3, 128]
    #expect(try code(faulty) == .missingTensor)
    for shape in [[3, 1, 128], [6, 1, 64], [1, 2, 192], [0, 2, 64], [3, 0, 64]] {
      faulty[1].shape = shape
      faulty[1].bytes = Array(repeating: 0, count: 4 * shape.reduce(1, *))
      #expect(try code(faulty) == .shapeMismatch)
    }
  }

  /// Anything that is stored consistently gives an error or a matrix of the shape that was asked for, never a crash.
  @Test func anyShapesGiveAnErrorOrAMatrix() throws {
    var generator = SeededGenerator(seed: 3)
    func shape(_ good: [Int]) -> [Int] {
      var shape = good
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: shape[Int.random(in: shape.indices, using: &generator)] = Int.random(in: 0...70, using: &generator)
      case 1: shape.removeLast()
      case 2: shape.append(1)
      case 3: shape.swapAt(0, Int.random(in: shape.indices, using: &generator))
      default: break
      }
      return shape
    }
    var taken = 0
    for _ in 0..<400 {
      let rows = Int.random(in: 1...140, using: &generator), columns = Int.random(in: 1...90, using: &generator)
      let block = [4, 8, 64, 128].randomElement(using: &generator) ?? 4
      var tensors = stored(rows, columns, block: block)
      for index in tensors.indices {
        tensors[index].shape = shape(tensors[index].shape)
        if Int.random(in: 0..<8, using: &generator) == 0 {
          tensors[index].type = [.f32, .bf16, .f16, .i32, .i64, .u8].randomElement(using: &generator) ?? .u8
        }
        let size = tensors[index].shape.reduce(tensors[index].type.size, *)
        // Other scales and weights, numbers that are none among them.
        tensors[index].bytes = (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) }
      }
      let wanted = [
        rows + Int.random(in: -1...1, using: &generator), columns + Int.random(in: -1...1, using: &generator),
      ]
      let options = WeightOptions(activations: Bool.random(using: &generator) ? .f32 : .int8)
      let checkpoint = try checkpoint(tensors, padding: Int.random(in: 0...7, using: &generator))
      guard let matrix = try? checkpoint.matrix("w", shape: wanted, options: options) else { continue }
      taken += 1
      let x = Tensor(zeros: [2, wanted[1]])
      #expect(x.multiplied(byRowsOf: matrix, 0..<wanted[0]).shape == [2, wanted[0]])
      #expect(matrix.widened().shape == wanted)
    }
    #expect(taken > 10)
  }
}
