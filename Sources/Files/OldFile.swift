#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A regular file that a result would replace.
struct OldFile {
  /// The path as the user gave it.
  let path: String
  /// Of what lies there, links followed.
  let status: stat

  /// - Parameter inputs: files and folders that the caller reads.
  /// - Throws: ``FileError`` `.unwritable` where something would be lost that the user wants to keep: an input, a file of a folder that is
  ///   one, or a database.
  func checkReplaceable(besides inputs: [String]) throws(FileError) {
    for input in inputs {
      guard let other = FileStatus.of(input) else { continue }
      if isSame(other) { throw FileError(.unwritable, path, "is what this command reads; name another file") }
      if FileKind(mode: other.st_mode) == .folder, isLinked(from: input) || isBelow(other) {
        throw FileError(.unwritable, path, "belongs to \(input), which this command reads; name another file")
      }
    }
    if isDatabase(path) { throw FileError(.unwritable, path, "is a database, and not replaced; name another file") }
    for ending in ["-wal", "-shm", "-journal"]
    where path.hasSuffix(ending) && isDatabase(String(path.dropLast(ending.count))) {
      throw FileError(.unwritable, path, "belongs to a database, and is not replaced; name another file")
    }
  }

  private func isSame(_ other: stat) -> Bool { FileIdentity(other) == FileIdentity(status) }

  /// Whether an entry of a folder is this file, by whatever name or link.
  private func isLinked(from folder: String) -> Bool {
    guard let stream = opendir(folder) else { return false }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if let other = FileStatus.of(folder + "/" + name), isSame(other) { return true }
    }
    return false
  }

  /// Whether a folder is above this file.
  private func isBelow(_ folder: stat) -> Bool {
    guard let real = realpath(path, nil) else { return false }
    defer { free(real) }
    var current = String(cString: real)
    while current != "/" {
      current = current.parentPath
      if FileIdentity(following: current) == FileIdentity(folder) { return true }
    }
    return false
  }

  /// Whether a file is one of SQLite's, by how each of them begins.
  private func isDatabase(_ path: String) -> Bool {
    let start = Array("SQLite format 3\0".utf8)
    return (try? InputFile.start(of: path, count: start.count)) == start
  }
}
