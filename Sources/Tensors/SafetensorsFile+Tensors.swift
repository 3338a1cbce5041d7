import CKernels
import Foundation
import Synchronization

/// What a tensor may hold.
enum Numbers {
  /// Anything that its type can hold.
  case any
  /// No NaN and no infinity.
  case finite
}

extension SafetensorsFile {
  /// The tensor as 32-bit floats.
  ///
  /// - Throws: ``TensorError`` `.missingTensor`, `.unsupportedType` (integers), or what reading the file throws.
  public func tensor(_ name: String) throws(TensorError) -> Tensor { try tensor(name, .any) }

  /// As ``tensor(_:)``; of weights `.nonFinite` with the element at fault.
  func tensor(_ name: String, _ numbers: Numbers) throws(TensorError) -> Tensor {
    let entry = try entry(name)
    guard [.f32, .bf16, .f16].contains(entry.type) else {
      throw TensorError(.unsupportedType, name, "holds \(entry.type.rawValue), floating-point numbers are needed")
    }
    guard entry.count > 0 else { return Tensor(zeros: entry.shape) }
    if entry.type == .f32 {
      return Tensor(shape: entry.shape, storage: TensorStorage(try slice(name, entry, numbers)))
    }
    let result = Tensor(uninitialized: entry.shape), target = result.storage.base
    let widen = entry.type == .bf16 ? uio2_bf16_to_f32 : uio2_f16_to_f32
    let watch = FaultWatch(name, entry, numbers, path)
    try file.shareOut(entry.range, alignment: 2) { start, piece in
      watch.look(at: piece, start)
      guard let halves = piece.baseAddress else { return }
      widen(target + start / 2, halves.assumingMemoryBound(to: UInt16.self), piece.count / 2)
    }
    try watch.check()
    return result
  }

  /// A tensor's bytes as they are stored, at an address that its elements can be read at.
  func slice(_ name: String, _ entry: Entry, _ numbers: Numbers) throws(TensorError) -> MemorySlice {
    let watch = FaultWatch(name, entry, numbers, path)
    let slice = try file.slice(entry.range, alignment: entry.type.size) { watch.look(at: $1, $0) }
    try watch.check()
    return slice
  }

  /// Reads a tensor only to see whether its numbers are finite.
  ///
  /// - Throws: ``TensorError`` `.nonFinite` with the element at fault, `.missingTensor`, or what reading the file throws.
  func checkFinite(_ name: String) throws(TensorError) {
    let entry = try entry(name), watch = FaultWatch(name, entry, .finite, path)
    try file.shareOut(entry.range, alignment: 1) { watch.look(at: $1, $0) }
    try watch.check()
  }

  /// An integer tensor, row-major.
  ///
  /// - Throws: ``TensorError`` `.missingTensor`, `.unsupportedType` (floating-point numbers), or what reading the file throws.
  public func integers(_ name: String) throws(TensorError) -> [Int] {
    let entry = try entry(name)
    let type = entry.type
    guard type == .i32 || type == .i64 || type == .u8 else {
      throw TensorError(.unsupportedType, name, "holds \(type.rawValue), integers are needed")
    }
    let bytes = try file.bytes(entry.range)
    return bytes.withUnsafeBytes { bytes in
      (0..<entry.count).map { index in
        let offset = index * type.size
        switch type {
        case .i32: return Int(Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
        case .i64: return Int(Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int64.self)))
        default: return Int(bytes[offset])
        }
      }
    }
  }

  /// The bytes of a tensor as they are stored.
  ///
  /// - Throws: ``TensorError`` `.missingTensor`, or what reading the file throws.
  public func bytes(_ name: String) throws(TensorError) -> [UInt8] { try file.bytes(try entry(name).range) }

  /// Gives `body` the bytes of a tensor as they are stored, in order, some whole elements at a time.
  ///
  /// - Parameter elements: in one piece.
  /// - Throws: ``TensorError`` `.missingTensor`, what reading the file throws, and what `body` throws.
  public func forEachPiece(
    of name: String, elements: Int, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let entry = try entry(name)
    try file.forEachPiece(of: entry.range, pieceSize: elements * entry.type.size, body)
  }
}

/// Remembers the first NaN or infinity of a tensor, while several threads look at parts of it.
private final class FaultWatch: Sendable {
  private let tensor: String
  private let entry: SafetensorsFile.Entry
  private let numbers: Numbers
  private let path: String
  private let first = Mutex<Int?>(nil)

  init(_ tensor: String, _ entry: SafetensorsFile.Entry, _ numbers: Numbers, _ path: String) {
    self.tensor = tensor
    self.entry = entry
    self.numbers = numbers
    self.path = path
  }

  /// Looks at whole elements that begin `start` bytes behind the first one.
  func look(at piece: UnsafeRawBufferPointer, _ start: Int) {
    guard numbers == .finite, let place = FiniteCheck.firstFault(in: piece, of: entry.type) else { return }
    let index = start / entry.type.size + place
    first.withLock { $0 = min($0 ?? index, index) }
  }

  /// - Throws: ``TensorError`` `.nonFinite`.
  func check() throws(TensorError) {
    guard let index = first.withLock({ $0 }) else { return }
    throw FiniteCheck.fault(tensor, at: index, of: entry.shape, entry.type, in: path)
  }
}
