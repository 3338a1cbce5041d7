import Foundation
import Tensors

/// Files under one folder, addressed by relative paths that cannot leave it.
struct BundleFolder {
  private let root: URL

  init(_ directory: URL) {
    root = directory.resolvingSymlinksInPath().standardizedFileURL
  }

  /// Normalises a path of `policy.json`: `.` becomes empty, `./a//b` becomes `a/b`.
  ///
  /// - Parameter key: the key path at fault in errors.
  func resolve(_ path: String, key: String) throws(PolicyError) -> String {
    guard !path.hasPrefix("/"), !path.hasPrefix("~") else {
      throw PolicyError(.unsafePath, key, "expected a path relative to the bundle, found \"\(path)\"")
    }
    let parts = path.split(separator: "/").filter { $0 != "." }
    guard !parts.contains("..") else {
      throw PolicyError(.unsafePath, key, "expected a path inside the bundle, found \"\(path)\"")
    }
    return parts.joined(separator: "/")
  }

  /// Whether there is a file, or a link to one, at a path.
  func has(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root.appendingPathComponent(path).path) }

  /// The location of an existing file.
  private func file(_ path: String) throws(PolicyError) -> URL {
    let url = root.appendingPathComponent(path, isDirectory: false)
    let target = url.resolvingSymlinksInPath().standardizedFileURL
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: target.path, isDirectory: &isDirectory), !isDirectory.boolValue else {
      throw PolicyError(.missingFile, path, "expected this file in the bundle \(root.path), found none")
    }
    guard target.path.hasPrefix(root.path == "/" ? "/" : root.path + "/") else {
      throw PolicyError(.unsafePath, path, "expected a file inside the bundle, found a link to \(target.path)")
    }
    return url
  }

  /// Reads a whole file into memory, and its digest with it.
  ///
  /// - Throws: ``PolicyError`` `.missingFile`, `.unsafePath`, `.unreadableFile`.
  func load(_ path: String, maximumBytes: Int = .max) throws(PolicyError) -> BundleFile {
    let location = try file(path).path
    var hash = FileDigest()
    do {
      let bytes = try FileBytes(loading: location, maximumCount: maximumBytes) { hash.update($0) }
      return BundleFile(path: path, bytes: bytes, digest: hash.hex())
    } catch {
      throw PolicyError(.unreadableFile, path, error.message)
    }
  }

  /// Reads configuration and weights of a model's folder, relative to the bundle.
  ///
  /// - Throws: as ``load(_:maximumBytes:)``; `.invalidValue` for an index that cannot be read.
  func loadModel(in folder: String) throws(PolicyError) -> BundleModel {
    let prefix = folder.isEmpty ? "" : folder + "/"
    let configuration = try load(prefix + "config.json", maximumBytes: 1 << 20)
    guard let layout = CheckpointLayout(where: { has(prefix + $0) }) else {
      throw PolicyError(
        .missingFile, prefix + CheckpointLayout.single, "expected this file in the bundle \(root.path), found none")
    }
    guard let name = layout.index else {
      return BundleModel(configuration: configuration, weights: [try load(prefix + CheckpointLayout.single)])
    }
    let index = try load(prefix + name, maximumBytes: CheckpointLayout.maximumIndexSize)
    let map: CheckpointLayout.Map
    do {
      map = try CheckpointLayout.map(index.contents, path: index.path)
    } catch {
      throw PolicyError(.invalidValue, index.path, error.message)
    }
    var weights: [BundleFile] = []
    for shard in map.files { weights.append(try load(prefix + shard)) }
    return BundleModel(configuration: configuration, index: index, map: map, weights: weights)
  }
}

/// A file of a bundle, read once: what is digested is what is used.
struct BundleFile: Sendable {
  /// Relative to the bundle.
  let path: String
  let bytes: FileBytes
  /// Hex SHA-256 of ``bytes``.
  let digest: String

  /// A copy of ``bytes``.
  var contents: [UInt8] { bytes.withLoaded { Array($0) } }
}

/// A model's files.
struct BundleModel: Sendable {
  let configuration: BundleFile
  var index: BundleFile?
  /// What ``index`` says.
  var map: CheckpointLayout.Map?
  let weights: [BundleFile]

  var files: [BundleFile] { [configuration] + (index.map { [$0] } ?? []) + weights }
}
