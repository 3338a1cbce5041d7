import CKernels
import Foundation

/// A safetensors file: a little-endian length, a JSON header, the tensors' bytes.
///
/// Everything that the header claims is checked against the file before a byte of a tensor is read, as strictly as the format's own
/// library does: tensors fill the file from the first byte behind the header to the last, without a hole.
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
    /// Bytes of the file.
    var range: Range<Int> { offset..<offset + length }
  }

  public let entries: [String: Entry]
  /// The header's free-form strings.
  public let metadata: [String: String]
  /// Where the bytes are.
  public let file: FileBytes

  public var path: String { file.path }

  /// A header longer than this is refused, as the format's own library does.
  static let maximumHeaderLength = 100_000_000

  /// Opens a file; a tensor's bytes are read when the tensor is asked for.
  ///
  /// - Throws: ``TensorError`` `.unreadableFile`, `.truncatedFile`, `.malformedHeader`, `.invalidOffsets` or
  ///   `.unsupportedType`.
  public init(path: String) throws(TensorError) { try self.init(try FileBytes(path: path)) }

  /// Reads the header of a file; throws as ``init(path:)``.
  public init(_ file: FileBytes) throws(TensorError) {
    let path = file.path
    guard file.count >= 8 else {
      throw TensorError(
        .truncatedFile, path, "has \(file.count) bytes; a safetensors file begins with an 8-byte length")
    }
    let headerLength = try file.bytes(0..<8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard headerLength <= UInt64(Self.maximumHeaderLength), Int(headerLength) <= file.count - 8 else {
      throw TensorError(
        .truncatedFile, path, "the header claims \(headerLength) bytes, the file has \(file.count - 8) after the length"
      )
    }
    let parsed = try SafetensorsHeader(Data(try file.bytes(8..<8 + Int(headerLength))), path: path)
    self.file = file
    metadata = parsed.metadata
    entries = try Self.placed(parsed.tensors, dataStart: 8 + Int(headerLength), fileLength: file.count, path: path)
  }

  /// Whether a file begins like one of this format.
  public static func matches(_ file: FileBytes) -> Bool {
    guard let start = try? file.bytes(0..<min(9, file.count)), start.count == 9 else { return false }
    return start[..<8].reversed().reduce(UInt64(0), { $0 << 8 | UInt64($1) }) <= UInt64(maximumHeaderLength)
      && start[8] == UInt8(ascii: "{")
  }

  /// Checks every offset: inside the file, as long as the shape says, right behind the tensor before.
  private static func placed(
    _ tensors: [SafetensorsHeader.Tensor], dataStart: Int, fileLength: Int, path: String
  ) throws(TensorError) -> [String: Entry] {
    let available = fileLength - dataStart
    var entries: [String: Entry] = [:]
    var previous = (name: "the header", end: 0)
    for tensor in tensors.sorted(by: { ($0.begin, $0.end) < ($1.begin, $1.end) }) {
      try checkSize(of: tensor, available: available, path: path)
      guard tensor.begin >= previous.end else {
        throw TensorError(.invalidOffsets, tensor.name, "overlaps \(previous.name) in \(path)")
      }
      guard tensor.begin == previous.end else {
        throw TensorError(
          .invalidOffsets, tensor.name,
          "begins \(tensor.begin - previous.end) bytes behind the end of \(previous.name) in \(path); a file has no holes"
        )
      }
      previous = (tensor.name, tensor.end)
      entries[tensor.name] = Entry(
        type: tensor.type, shape: tensor.shape, offset: dataStart + tensor.begin, length: tensor.end - tensor.begin)
    }
    guard previous.end == available else {
      throw TensorError(
        .invalidOffsets, path, "has \(available - previous.end) bytes behind its last tensor, \(previous.name)")
    }
    return entries
  }

  private static func checkSize(
    of tensor: SafetensorsHeader.Tensor, available: Int, path: String
  ) throws(TensorError) {
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
  }

  func entry(_ name: String) throws(TensorError) -> Entry {
    guard let entry = entries[name] else {
      throw TensorError(.missingTensor, name, "is not in \(path)")
    }
    return entry
  }
}
