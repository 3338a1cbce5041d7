import Files
import Foundation

/// Writes one safetensors file front to back, in pieces of any size, so that nothing but the header is ever in memory.
///
/// The file appears under its name when ``finish()`` is called; a writer that is let go before leaves nothing behind.
public final class SafetensorsWriter {
  /// In the order in which the tensors' bytes are expected: large elements first, so that each lies at a multiple of its size.
  public let tensors: [TensorDescription]
  private let file: OutputFile
  private var current = 0
  private var written = 0
  private var isClosed = false

  /// Makes the file and writes its header.
  ///
  /// - Throws: ``TensorError`` `.unwritableFile`; `.surplusTensor` for a name that occurs twice; `.invalidOffsets` for sizes that
  ///   no file can have.
  public init(
    path: String, tensors: [TensorDescription], metadata: [String: String] = ["format": "pt"]
  ) throws(TensorError) {
    self.tensors = Self.ordered(tensors)
    let header = try Self.header(of: self.tensors, metadata: metadata)
    let length = UInt64(header.count)
    let start = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + header
    file = try TensorError.ofFile { () throws(FileError) in
      let file = try OutputFile(path: path, existing: .refuse)
      try file.write(start)
      return file
    }
  }

  /// Large elements first; otherwise as they came.
  static func ordered(_ tensors: [TensorDescription]) -> [TensorDescription] {
    tensors.enumerated().sorted { ($1.element.type.size, $0.offset) < ($0.element.type.size, $1.offset) }.map(\.element)
  }

  private static func header(
    of tensors: [TensorDescription], metadata: [String: String]
  ) throws(TensorError) -> [UInt8] {
    struct Description: Encodable {
      var dtype: String
      var shape: [Int]
      var data_offsets: [Int]
    }
    enum Value: Encodable {
      case tensor(Description), metadata([String: String])
      func encode(to encoder: any Encoder) throws {
        switch self {
        case .tensor(let description): try description.encode(to: encoder)
        case .metadata(let strings): try strings.encode(to: encoder)
        }
      }
    }
    var entries: [String: Value] = metadata.isEmpty ? [:] : ["__metadata__": .metadata(metadata)]
    var offset = 0
    for tensor in tensors {
      var size = tensor.type.size
      for dimension in tensor.shape {
        let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
        guard dimension >= 0, !overflow else {
          throw TensorError(.invalidOffsets, tensor.name, "shape \(tensor.shape) is impossible")
        }
        size = product
      }
      let (end, overflow) = offset.addingReportingOverflow(size)
      guard !overflow else { throw TensorError(.invalidOffsets, tensor.name, "the file would be too long") }
      let description = Description(dtype: tensor.type.rawValue, shape: tensor.shape, data_offsets: [offset, end])
      guard entries.updateValue(.tensor(description), forKey: tensor.name) == nil else {
        throw TensorError(.surplusTensor, tensor.name, "would be written twice")
      }
      offset = end
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var bytes: [UInt8]
    do {
      bytes = Array(try encoder.encode(entries))
    } catch {
      throw TensorError(.malformedHeader, tensors.first?.name ?? "", "cannot be written as JSON: \(error)")
    }
    // The data begins at a multiple of 64 bytes.
    bytes += [UInt8](repeating: UInt8(ascii: " "), count: (64 - (8 + bytes.count) % 64) % 64)
    return bytes
  }

  /// The tensor whose bytes come next; `nil` when all are there.
  public var next: TensorDescription? {
    skipFinished()
    return current < tensors.count ? tensors[current] : nil
  }

  /// Appends bytes of the tensor `name`, which must be ``next``.
  ///
  /// - Throws: ``TensorError`` `.invalidOffsets` for the wrong tensor or too many bytes; `.unwritableFile`.
  public func append(_ bytes: UnsafeRawBufferPointer, to name: String) throws(TensorError) {
    skipFinished()
    guard current < tensors.count, tensors[current].name == name else {
      let expected = current < tensors.count ? "\(tensors[current].name) comes next" : "nothing more is expected"
      throw TensorError(.invalidOffsets, name, "is not due in \(file.path): \(expected)")
    }
    guard bytes.count <= tensors[current].byteCount - written else {
      throw TensorError(
        .invalidOffsets, name,
        "has \(written + bytes.count) bytes, its shape \(tensors[current].shape) needs \(tensors[current].byteCount)")
    }
    try TensorError.ofFile { () throws(FileError) in try file.write(bytes) }
    written += bytes.count
  }

  private func skipFinished() {
    while current < tensors.count, written == tensors[current].byteCount {
      current += 1
      written = 0
    }
  }

  /// Ends writing, but leaves the file under its temporary name.
  func close() throws(TensorError) {
    if let missing = next {
      throw TensorError(.missingTensor, missing.name, "has only \(written) of \(missing.byteCount) bytes")
    }
    try TensorError.ofFile { () throws(FileError) in try file.close() }
    isClosed = true
  }

  /// Gives the file its name.
  ///
  /// - Throws: ``TensorError`` `.missingTensor` when bytes are missing; `.unwritableFile`.
  public func finish() throws(TensorError) {
    if !isClosed { try close() }
    try TensorError.ofFile { () throws(FileError) in try file.publish() }
  }
}
