import Foundation
import Tensors

/// A tensor that can be imported.
struct SourceTensor: Hashable, Sendable {
  /// `nil` for numbers that weights are not made of.
  var element: ElementType?
  /// The element type in the words of the file.
  var typeName: String
  var shape: [Int]
}

extension SourceTensor {
  /// As a safetensors file describes it.
  init(_ entry: SafetensorsFile.Entry) {
    let isFloat = [.f32, .bf16, .f16].contains(entry.type)
    self.init(element: isFloat ? entry.type : nil, typeName: entry.type.rawValue, shape: entry.shape)
  }
}

/// A file of weights to read from, whatever its format.
protocol WeightsSource {
  var path: String { get }
  var contents: [String: SourceTensor] { get }
  /// Gives `body` the elements of a tensor, row-major, a piece of whole elements at a time.
  func read(_ name: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws
  /// - Throws: ``TensorError`` `.changedFile` when the file was written to since it was opened.
  func checkUnchanged() throws(TensorError)
}

/// A tensor of some file among several.
struct LocatedTensor {
  let source: any WeightsSource
  /// In the file.
  let name: String
  let tensor: SourceTensor

  /// As ``WeightsSource/read(_:_:)``.
  ///
  /// - Throws: also ``TensorError`` `.nonFinite` with the first element that is NaN or infinite; the pieces before it were handed on.
  func readFinite(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    var done = 0
    try source.read(name) { piece in
      if let element = tensor.element {
        if let place = FiniteCheck.firstFault(in: piece, of: element) {
          throw FiniteCheck.fault(name.asQuoted, at: done + place, of: tensor.shape, element, in: source.path)
        }
        done += piece.count / element.size
      }
      try body(piece)
    }
  }
}

/// How many elements are handed on at a time: the memory that an import takes beside what it knows of the file.
let elementsOfOnePiece = 1 << 18

extension SafetensorsFile: WeightsSource {
  var contents: [String: SourceTensor] { entries.mapValues { SourceTensor($0) } }

  func read(_ name: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try forEachPiece(of: name, elements: elementsOfOnePiece, body)
  }

  func checkUnchanged() throws(TensorError) { try file.checkUnchanged() }
}

extension TorchFile: WeightsSource {
  var path: String { file.path }

  var contents: [String: SourceTensor] {
    tensors.mapValues { SourceTensor(element: $0.type.element, typeName: "torch.\($0.type.name)", shape: $0.shape) }
  }

  func checkUnchanged() throws(TensorError) { try file.checkUnchanged() }

  func read(_ name: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    guard let tensor = tensors[name], tensor.count > 0 else { return }
    func hand(_ piece: UnsafeRawBufferPointer) throws {
      guard tensor.isNegated, let element = tensor.type.element else { return try body(piece) }
      var negated = Array(piece)
      for sign in stride(from: element.size - 1, to: negated.count, by: element.size) { negated[sign] ^= 0x80 }
      try negated.withUnsafeBytes(body)
    }
    if tensor.isContiguous {
      try file.forEachPiece(of: tensor.range, pieceSize: elementsOfOnePiece * tensor.type.size, hand)
    } else {
      try readStrided(tensor, hand)
    }
  }

  /// Walks the elements in row-major order, wherever they lie.
  private func readStrided(_ tensor: Tensor, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let size = tensor.type.size, rank = tensor.shape.count
    // They are asked for in any order, so all of them are in memory meanwhile.
    try SystemMemory.require(tensor.range.count, for: path)
    let bytes = try file.bytes(tensor.range)
    var index = [Int](repeating: 0, count: rank)
    var position = 0, remaining = tensor.count
    var piece = [UInt8](repeating: 0, count: min(remaining, elementsOfOnePiece) * size)
    while remaining > 0 {
      let count = min(remaining, elementsOfOnePiece)
      for element in 0..<count {
        for byte in 0..<size { piece[element * size + byte] = bytes[position * size + byte] }
        // The odometer: the last dimension turns first.
        var dimension = rank - 1
        while dimension >= 0 {
          index[dimension] += 1
          position += tensor.strides[dimension]
          if index[dimension] < tensor.shape[dimension] { break }
          position -= tensor.shape[dimension] * tensor.strides[dimension]
          index[dimension] = 0
          dimension -= 1
        }
      }
      try piece.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[..<(count * size)])) }
      remaining -= count
    }
  }
}
