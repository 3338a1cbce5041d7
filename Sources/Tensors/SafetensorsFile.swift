import CKernels
import Foundation

/// A memory-mapped safetensors file: a little-endian length, a JSON header, the tensors' bytes.
///
/// Everything that the header claims is checked against the file before a byte of a tensor is read.
public struct SafetensorsFile: Sendable {
  /// Where a tensor lies and how it is written.
  public struct Entry: Sendable, Hashable {
    public let type: ElementType
    public let shape: [Int]
    /// Bytes from the start of the file.
    public let offset: Int
    /// Bytes.
    public let length: Int

    public var count: Int { length / type.size }
  }

  public let path: String
  public let entries: [String: Entry]
  /// The header's free-form strings.
  public let metadata: [String: String]
  let file: MemoryMappedFile

  /// A header longer than this is refused, as the format's own library does.
  static let maximumHeaderLength = 100_000_000

  /// - Throws: ``TensorError`` `.unreadableFile`, `.truncatedFile`, `.malformedHeader`, `.invalidOffsets` or
  ///   `.unsupportedType`.
  public init(path: String) throws(TensorError) {
    let file = try MemoryMappedFile(path: path)
    guard file.count >= 8 else {
      throw TensorError(
        .truncatedFile, path, "has \(file.count) bytes; a safetensors file begins with an 8-byte length")
    }
    let headerLength = file.withBytes { UInt64(littleEndian: $0.unsafeLoadUnaligned(as: UInt64.self)) }
    guard headerLength <= UInt64(Self.maximumHeaderLength), Int(headerLength) <= file.count - 8 else {
      throw TensorError(
        .truncatedFile, path, "the header claims \(headerLength) bytes, the file has \(file.count - 8) after the length"
      )
    }
    let header = file.withBytes { bytes in
      bytes.extracting(8..<8 + Int(headerLength)).withUnsafeBytes { Data($0) }
    }
    let parsed = try SafetensorsHeader(header, path: path)
    self.path = path
    self.file = file
    metadata = parsed.metadata
    entries = try Self.placed(parsed.tensors, dataStart: 8 + Int(headerLength), fileLength: file.count, path: path)
  }

  /// Checks every offset: inside the file, as long as the shape says, on nobody else's bytes.
  private static func placed(
    _ tensors: [SafetensorsHeader.Tensor], dataStart: Int, fileLength: Int, path: String
  ) throws(TensorError) -> [String: Entry] {
    let available = fileLength - dataStart
    var entries: [String: Entry] = [:]
    var previous: (name: String, end: Int)?
    for tensor in tensors.sorted(by: { ($0.begin, $0.end) < ($1.begin, $1.end) }) {
      guard tensor.begin >= 0, tensor.begin <= tensor.end else {
        throw TensorError(
          .invalidOffsets, tensor.name, "offsets [\(tensor.begin), \(tensor.end)] in \(path) are not a range")
      }
      guard tensor.end <= available else {
        throw TensorError(
          .truncatedFile, tensor.name, "ends at byte \(tensor.end) of \(available) in \(path); the file is cut short")
      }
      var elements = 1
      for dimension in tensor.shape {
        let (product, overflow) = elements.multipliedReportingOverflow(by: dimension)
        guard dimension >= 0, !overflow, product <= available else {
          throw TensorError(.invalidOffsets, tensor.name, "shape \(tensor.shape) in \(path) is impossible")
        }
        elements = product
      }
      guard elements * tensor.type.size == tensor.end - tensor.begin else {
        throw TensorError(
          .invalidOffsets, tensor.name,
          "shape \(tensor.shape) of \(tensor.type.rawValue) needs \(elements * tensor.type.size) bytes, the header gives \(tensor.end - tensor.begin)"
        )
      }
      if let previous, tensor.begin < previous.end, tensor.begin < tensor.end {
        throw TensorError(.invalidOffsets, tensor.name, "overlaps \(previous.name) in \(path)")
      }
      previous = (tensor.name, max(tensor.end, previous?.end ?? 0))
      entries[tensor.name] = Entry(
        type: tensor.type, shape: tensor.shape, offset: dataStart + tensor.begin, length: tensor.end - tensor.begin)
    }
    return entries
  }

  /// The tensor as 32-bit floats: mapped without a copy where the file holds aligned f32, widened otherwise.
  ///
  /// - Throws: ``TensorError`` `.missingTensor` or `.unsupportedType` (integers).
  public func tensor(_ name: String) throws(TensorError) -> Tensor {
    let entry = try entry(name)
    guard entry.count > 0, let source = file.pointer(at: entry.offset) else {
      return Tensor(zeros: entry.shape)
    }
    switch entry.type {
    case .f32 where entry.offset % 4 == 0:
      let floats = source.assumingMemoryBound(to: Float.self)
      return Tensor(shape: entry.shape, storage: TensorStorage(mapped: floats, count: entry.count, in: file))
    case .f32:
      let result = Tensor(uninitialized: entry.shape)
      UnsafeMutableRawPointer(result.storage.base).copyMemory(from: source, byteCount: entry.length)
      return result
    case .bf16, .f16:
      let result = Tensor(uninitialized: entry.shape)
      widen(source, entry, into: result.storage.base)
      // What is kept in 32 bits is not needed in 16 as well.
      file.discard(entry.offset..<entry.offset + entry.length)
      return result
    case .i32, .i64, .u8:
      throw TensorError(.unsupportedType, name, "holds \(entry.type.rawValue), floating-point numbers are needed")
    }
  }

  /// An integer tensor, row-major.
  ///
  /// - Throws: ``TensorError`` `.missingTensor` or `.unsupportedType` (floating-point numbers).
  public func integers(_ name: String) throws(TensorError) -> [Int] {
    let entry = try entry(name)
    let type = entry.type
    guard type == .i32 || type == .i64 || type == .u8 else {
      throw TensorError(.unsupportedType, name, "holds \(type.rawValue), integers are needed")
    }
    return file.withBytes { bytes in
      (0..<entry.count).map { index in
        let offset = entry.offset + index * type.size
        switch type {
        case .i32: return Int(Int32(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Int32.self)))
        case .i64: return Int(Int64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Int64.self)))
        default: return Int(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
        }
      }
    }
  }

  /// The bytes of a tensor as they are stored.
  public func bytes(_ name: String) throws(TensorError) -> [UInt8] {
    let entry = try entry(name)
    return file.withBytes { bytes in
      bytes.extracting(entry.offset..<entry.offset + entry.length).withUnsafeBytes { Array($0) }
    }
  }

  func entry(_ name: String) throws(TensorError) -> Entry {
    guard let entry = entries[name] else {
      throw TensorError(.missingTensor, name, "is not in \(path)")
    }
    return entry
  }
}

extension SafetensorsFile {
  /// Gives `body` the bytes of a tensor as they are stored, without a copy.
  ///
  /// - Throws: ``TensorError`` `.missingTensor`, and what `body` throws.
  public func withStoredBytes<Result>(
    _ name: String, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    let entry = try entry(name)
    return try file.withBytes { bytes in
      try bytes.extracting(entry.offset..<entry.offset + entry.length).withUnsafeBytes(body)
    }
  }

  /// Writes the halves at `source` as 32-bit floats, on several threads.
  private func widen(_ source: UnsafeRawPointer, _ entry: Entry, into target: UnsafeMutablePointer<Float>) {
    let widen = entry.type == .bf16 ? uio2_bf16_to_f32 : uio2_f16_to_f32
    Parallel.rows(entry.count, operations: 4, unit: 1 << 16) { range in
      guard entry.offset % 2 == 0 else {
        // Halves at an odd address are copied first: the kernels read whole elements.
        for start in stride(from: range.lowerBound, to: range.upperBound, by: 4096) {
          let count = min(4096, range.upperBound - start)
          withUnsafeTemporaryAllocation(of: UInt16.self, capacity: count) { halves in
            guard let base = halves.baseAddress else { return }
            UnsafeMutableRawPointer(base).copyMemory(from: source + 2 * start, byteCount: 2 * count)
            widen(target + start, base, count)
          }
        }
        return
      }
      widen(
        target + range.lowerBound, source.assumingMemoryBound(to: UInt16.self) + range.lowerBound, range.count)
    }
  }

  /// Gives the memory of a tensor's pages back; they are read again when they are next looked at.
  public func discard(_ name: String) {
    guard let entry = entries[name] else { return }
    file.discard(entry.offset..<entry.offset + entry.length)
  }
}
