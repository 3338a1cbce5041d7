import Foundation
import Tensors

/// Copies of a checkpoint's folder with one thing changed.
enum ChangedCheckpoint {
  struct NoSuchTensor: Error {}

  /// A copy in which the bytes of a file went through `change`.
  static func copy(
    of folder: URL, file: String = "model.safetensors", change: (inout Data) throws -> Void
  ) throws -> URL {
    let copy = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.copyItem(at: folder, to: copy)
    let url = copy.appending(path: file)
    var data = try Data(contentsOf: url)
    try change(&data)
    try FileManager.default.removeItem(at: url)
    try data.write(to: url)
    return copy
  }

  /// A copy in which every element of an f32 tensor is doubled.
  static func copy(of folder: URL, doubling tensor: String) throws -> URL {
    try copy(of: folder, changing: tensor) { $1 * 2 }
  }

  /// A copy in which every element of an f32 tensor went through `change`, which is told its index.
  static func copy(of folder: URL, changing tensor: String, _ change: (Int, Float) -> Float) throws -> URL {
    let file = try SafetensorsFile(path: folder.appending(path: "model.safetensors").path)
    guard let entry = file.entries[tensor] else { throw NoSuchTensor() }
    let values = try file.tensor(tensor).values.enumerated().map(change)
    return try copy(of: folder) { data in
      values.withUnsafeBytes { data.replaceSubrange(entry.offset..<entry.offset + entry.length, with: $0) }
    }
  }

  /// A copy in which a name in the header (and only there) is spelled differently, at the same length.
  static func copy(of folder: URL, renaming name: String, to other: String) throws -> URL {
    try copy(of: folder) { data in
      guard let range = data.range(of: Data("\"\(name)\"".utf8)), name.utf8.count == other.utf8.count else {
        throw NoSuchTensor()
      }
      data.replaceSubrange(range, with: Data("\"\(other)\"".utf8))
    }
  }

  /// A copy without the tensors whose names `isLeftOut`.
  static func copy(of folder: URL, leavingOut isLeftOut: (String) -> Bool) throws -> URL {
    let file = try SafetensorsFile(path: folder.appending(path: "model.safetensors").path)
    let kept = file.entries.filter { !isLeftOut($0.key) }.map {
      TensorDescription(name: $0.key, type: $0.value.type, shape: $0.value.shape)
    }
    let copy = try copy(of: folder) { _ in }
    try FileManager.default.removeItem(at: copy.appending(path: "model.safetensors"))
    let writer = try SafetensorsWriter(path: copy.appending(path: "model.safetensors").path, tensors: kept)
    for tensor in writer.tensors {
      try file.bytes(tensor.name).withUnsafeBytes { try writer.append($0, to: tensor.name) }
    }
    try writer.finish()
    return copy
  }
}
