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

/// A file of weights to read from, whatever its format.
protocol WeightsSource {
  var path: String { get }
  var contents: [String: SourceTensor] { get }
  /// Gives `body` the elements of a tensor, row-major and as they are stored, a piece of whole elements at a time.
  func read(_ name: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws
}

/// How many elements are handed on at a time: the memory that an import takes beside the mapped pages it looks at.
let elementsOfOnePiece = 1 << 18

extension SafetensorsFile: WeightsSource {
  var contents: [String: SourceTensor] {
    entries.mapValues {
      SourceTensor(
        element: [.f32, .bf16, .f16].contains($0.type) ? $0.type : nil, typeName: $0.type.rawValue, shape: $0.shape)
    }
  }

  func read(_ name: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    guard let entry = entries[name] else { return }
    let piece = elementsOfOnePiece * entry.type.size
    try withStoredBytes(name) { bytes in
      for start in stride(from: 0, to: bytes.count, by: piece) {
        try body(UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + piece, bytes.count)]))
      }
    }
    discard(name)
  }
}

extension TorchFile: WeightsSource {
  var path: String { file.path }

  var contents: [String: SourceTensor] {
    tensors.mapValues { SourceTensor(element: $0.type.element, typeName: "torch.\($0.type.name)", shape: $0.shape) }
  }

  func read(_ name: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    guard let tensor = tensors[name], tensor.count > 0 else { return }
    if tensor.isContiguous {
      try readContiguous(tensor, body)
    } else {
      try readStrided(tensor, body)
    }
  }

  private func readContiguous(_ tensor: Tensor, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let end = tensor.offset + tensor.count * tensor.type.size, piece = elementsOfOnePiece * tensor.type.size
    for start in stride(from: tensor.offset, to: end, by: piece) {
      let range = start..<min(start + piece, end)
      try file.withBytes { bytes in try bytes.extracting(range).withUnsafeBytes(body) }
      file.discard(range)
    }
  }

  /// Walks the elements in row-major order, wherever they lie.
  private func readStrided(_ tensor: Tensor, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let size = tensor.type.size, rank = tensor.shape.count
    var index = [Int](repeating: 0, count: rank)
    var position = 0, remaining = tensor.count
    var piece = [UInt8](repeating: 0, count: min(remaining, elementsOfOnePiece) * size)
    while remaining > 0 {
      let count = min(remaining, elementsOfOnePiece)
      file.withBytes { bytes in
        for element in 0..<count {
          for byte in 0..<size {
            piece[element * size + byte] = bytes.unsafeLoad(
              fromByteOffset: tensor.offset + position * size + byte, as: UInt8.self)
          }
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
      }
      try piece.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[..<(count * size)])) }
      remaining -= count
    }
  }
}

/// The files that a path stands for.
enum WeightsSources {
  /// - Parameter url: a file, or a folder with `pytorch_model.bin` or `model.safetensors`, each in one piece or in shards with an index.
  static func open(_ url: URL) throws(ImportError) -> [any WeightsSource] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
      throw ImportError(.unreadableFile, url.path, "does not exist")
    }
    guard isFolder.boolValue else { return [try openFile(url)] }
    for name in ["pytorch_model.bin", "model.safetensors"] {
      let single = url.appending(path: name), index = url.appending(path: name + ".index.json")
      if FileManager.default.fileExists(atPath: single.path) { return [try openFile(single)] }
      if FileManager.default.fileExists(atPath: index.path) {
        var sources: [any WeightsSource] = []
        for shard in try shards(index) { sources.append(try openFile(url.appending(path: shard))) }
        return sources
      }
    }
    throw ImportError(
      .unreadableFile, url.path,
      "holds neither pytorch_model.bin nor model.safetensors, nor an index of shards; name the file itself")
  }

  private static func openFile(_ url: URL) throws(ImportError) -> any WeightsSource {
    do {
      if url.pathExtension == "safetensors" { return try SafetensorsFile(path: url.path) }
      return try TorchFile(MemoryMappedFile(path: url.path))
    } catch let error as ImportError {
      throw error
    } catch let error as TensorError {
      throw ImportError(error)
    } catch {
      throw ImportError(.unreadableFile, url.path, "\(error)")
    }
  }

  private static func shards(_ index: URL) throws(ImportError) -> [String] {
    struct Index: Decodable { let weight_map: [String: String] }
    let map: [String: String]
    do {
      map = try JSONDecoder().decode(Index.self, from: Data(contentsOf: index)).weight_map
    } catch {
      throw ImportError(.unknownFormat, index.path, "is not an index of shards: \(error)")
    }
    let names = Set(map.values).sorted()
    for name in names where name.contains("/") || name == ".." || name.isEmpty {
      throw ImportError(.unknownFormat, name.asQuoted, "lies outside the folder of \(index.path)")
    }
    return names
  }
}
