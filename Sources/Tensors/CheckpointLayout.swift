import Foundation

/// Which files of a folder are its weights: one rule for loading, digesting and copying them.
public enum CheckpointLayout: Sendable, Hashable {
  /// `model.safetensors`, whatever else is there.
  case oneFile
  /// The shards of `model.safetensors.index.json`.
  case shards

  /// The one file.
  public static let single = "model.safetensors"
  /// The index of shards.
  public static let index = "model.safetensors.index.json"
  /// Bytes; the index of the release has a tenth of a megabyte.
  public static let maximumIndexSize = 64 << 20

  /// Looks for the files; one file comes before an index, as in the library that people save with.
  ///
  /// - Parameter exists: whether a file of this name is in the folder.
  public init?(where exists: (String) -> Bool) {
    if exists(Self.single) {
      self = .oneFile
    } else if exists(Self.index) {
      self = .shards
    } else {
      return nil
    }
  }

  /// The name of the index, if there is one.
  public var index: String? { self == .shards ? Self.index : nil }

  /// What an index says.
  public struct Map: Sendable, Hashable {
    /// The file of each tensor.
    public let shards: [String: String]
    /// All files, sorted.
    public var files: [String] { Set(shards.values).sorted() }
  }

  /// Reads an index.
  ///
  /// - Throws: ``TensorError`` `.malformedHeader` for what is no index, or for a shard that is not in the index's own folder.
  public static func map(_ bytes: [UInt8], path: String) throws(TensorError) -> Map {
    struct Index: Decodable { let weight_map: [String: String] }
    let shards: [String: String]
    do {
      shards = try JSONDecoder().decode(Index.self, from: Data(bytes)).weight_map
    } catch {
      throw TensorError(.malformedHeader, path, "is not an index of safetensors shards: \(error)")
    }
    guard !shards.isEmpty else { throw TensorError(.malformedHeader, path, "lists no shards") }
    for name in Set(shards.values).sorted() where name.contains("/") || [".", "..", ""].contains(name) {
      throw TensorError(.malformedHeader, path, "shard \(name) lies outside the checkpoint's folder")
    }
    return Map(shards: shards)
  }
}
