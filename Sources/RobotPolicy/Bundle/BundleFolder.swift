import Files
import Foundation

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

  /// The location of an existing regular file.
  private func file(_ path: String) throws(PolicyError) -> URL {
    let url = root.appendingPathComponent(path, isDirectory: false).resolvingSymlinksInPath().standardizedFileURL
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw PolicyError(.missingFile, path, "expected this file in the bundle \(root.path), found none")
    }
    do throws(FileError) { try InputFile.requireRegular(url.path) } catch {
      throw PolicyError(.missingFile, path, "\(error.message), in the bundle \(root.path)")
    }
    guard url.path.hasPrefix(root.path == "/" ? "/" : root.path + "/") else {
      throw PolicyError(.unsafePath, path, "expected a file inside the bundle, found a link to \(url.path)")
    }
    return url
  }

  /// Feeds a file's bytes to `body` piece by piece.
  private func read(_ path: String, _ body: ([UInt8]) throws(PolicyError) -> Void) throws(PolicyError) {
    let url = try file(path)
    let handle: FileHandle
    do {
      handle = try FileHandle(forReadingFrom: url)
    } catch {
      throw PolicyError(.unreadableFile, path, "cannot be read: \(SystemReason.text(of: error))")
    }
    defer { try? handle.close() }
    while true {
      let piece: Data?
      do {
        piece = try handle.read(upToCount: 1 << 20)
      } catch {
        throw PolicyError(.unreadableFile, path, "cannot be read: \(SystemReason.text(of: error))")
      }
      guard let piece, !piece.isEmpty else { return }
      try body([UInt8](piece))
    }
  }

  /// A whole small file.
  func contents(of path: String, maximumBytes: Int) throws(PolicyError) -> [UInt8] {
    var bytes: [UInt8] = []
    try read(path) { (piece) throws(PolicyError) in
      bytes += piece
      guard bytes.count <= maximumBytes else {
        throw PolicyError(.unreadableFile, path, "expected at most \(maximumBytes) bytes")
      }
    }
    return bytes
  }

  /// Configuration and weights of a model folder, relative to the bundle; all of them exist.
  func modelFiles(in folder: String) throws(PolicyError) -> [String] {
    let prefix = folder.isEmpty ? "" : folder + "/"
    var files = [prefix + "config.json"]
    let (single, index) = (prefix + "model.safetensors", prefix + "model.safetensors.index.json")
    if FileManager.default.fileExists(atPath: root.appendingPathComponent(index).path) {
      files.append(index)
      for shard in try shards(of: index) { files.append(prefix + shard) }
    } else {
      files.append(single)
    }
    for path in files { _ = try file(path) }
    return files
  }

  /// The files that an index of sharded weights names.
  private func shards(of index: String) throws(PolicyError) -> [String] {
    let root = try JSONParser.parse(contents(of: index, maximumBytes: 64 << 20), name: index)
    guard let map = root["weight_map"], case .object(let members) = map.value, !members.isEmpty else {
      throw PolicyError(.invalidValue, index, "expected a weight_map from tensor names to files")
    }
    var shards: Set<String> = []
    for member in members {
      guard case .string(let shard) = member.node.value else {
        throw PolicyError(.invalidValue, index, "expected a file name for \(member.key), found \(member.node.summary)")
      }
      shards.insert(try resolve(shard, key: index))
    }
    return shards.sorted()
  }

  /// SHA-256 over the lines that `sha256sum` prints for these files.
  func digest(of files: [String]) throws(PolicyError) -> String {
    var lines: [UInt8] = []
    for path in files.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
      var hash = SHA256()
      try read(path) { (piece) throws(PolicyError) in hash.update(piece) }
      lines += "\(hash.hex())  \(path)\n".utf8
    }
    return SHA256.hex(of: lines)
  }
}
