#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Folders that results are written into.
public enum OutputFolder {
  /// Makes the folder and those above it, as far as they are missing.
  ///
  /// - Throws: ``FileError`` `.unwritable` naming the folder that cannot be made.
  public static func make(_ path: String) throws(FileError) {
    if let status = FileStatus.of(path) {
      let kind = FileKind(mode: status.st_mode)
      guard kind == .folder else { throw FileError(.unwritable, path, "is \(kind.words); a folder is expected") }
      return
    }
    if path.parentPath != path, !path.isEmpty { try make(path.parentPath) }
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
      throw FileError(.unwritable, path, "cannot be made", errno: errno)
    }
  }
}
