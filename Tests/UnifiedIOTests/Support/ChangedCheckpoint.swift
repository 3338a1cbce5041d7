import Foundation
import Tensors

/// Copies of a checkpoint's folder with one thing changed.
enum ChangedCheckpoint {
  struct NoSuchTensor: Error {}

  /// A copy in which the bytes of `model.safetensors` went through `change`.
  static func copy(of folder: URL, change: (inout Data) throws -> Void) throws -> URL {
    let copy = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.copyItem(at: folder, to: copy)
    let url = copy.appending(path: "model.safetensors")
    var data = try Data(contentsOf: url)
    try change(&data)
    try FileManager.default.removeItem(at: url)
    try data.write(to: url)
    return copy
  }

  /// A copy in which every element of an f32 tensor is doubled.
  static func copy(of folder: URL, doubling tensor: String) throws -> URL {
    let file = try SafetensorsFile(path: folder.appending(path: "model.safetensors").path)
    guard let entry = file.entries[tensor] else { throw NoSuchTensor() }
    let values = try file.tensor(tensor).values.map { $0 * 2 }
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

  /// A copy without the tensors whose names `isLeftOut`; their bytes stay in the file, unnamed.
  static func copy(of folder: URL, leavingOut isLeftOut: (String) -> Bool) throws -> URL {
    try copy(of: folder) { data in
      let length = Int(data.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) })
      let header = try JSONSerialization.jsonObject(with: data[8..<8 + length])
      guard let tensors = header as? [String: Any] else { throw NoSuchTensor() }
      var shorter = try JSONSerialization.data(withJSONObject: tensors.filter { !isLeftOut($0.key) })
      guard shorter.count <= length else { throw NoSuchTensor() }
      shorter.append(contentsOf: [UInt8](repeating: UInt8(ascii: " "), count: length - shorter.count))
      data.replaceSubrange(8..<8 + length, with: shorter)
    }
  }
}
