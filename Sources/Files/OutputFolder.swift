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
  /// - Returns: those that were made, the topmost first.
  /// - Throws: ``FileError`` `.unwritable` naming the folder that cannot be made; those above it that were made are removed again.
  @discardableResult
  public static func make(_ path: String) throws(FileError) -> [String] {
    if let status = FileStatus.of(path) {
      let kind = FileKind(mode: status.st_mode)
      guard kind == .folder else { throw FileError(.unwritable, path, "is \(kind.words); a folder is expected") }
      return []
    }
    let made = path.parentPath != path && !path.isEmpty ? try make(path.parentPath) : []
    guard mkdir(path, 0o777) != 0 else { return made + [path] }
    let number = errno
    guard number != EEXIST else { return made }
    remove(made)
    throw FileError(.unwritable, path, "cannot be made", errno: number)
  }

  /// Removes folders that ``make(_:)`` has made, as far as nothing lies in them.
  public static func remove(_ made: [String]) { for folder in made.reversed() { rmdir(folder) } }

  /// Whether a file of that name, which need not be there yet, lies below a folder, links followed.
  public static func contains(_ folder: String, _ path: String) -> Bool {
    guard let wanted = FileIdentity(following: folder) else { return false }
    var current = path.parentPath
    while FileStatus.of(current) == nil, current != current.parentPath { current = current.parentPath }
    guard let real = realpath(current, nil) else { return false }
    defer { free(real) }
    current = String(cString: real)
    while FileIdentity(following: current) != wanted {
      guard current != "/", current != current.parentPath else { return false }
      current = current.parentPath
    }
    return true
  }
}
