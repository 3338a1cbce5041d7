#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Where a command writes a result, looked at before the work begins.
///
/// Links are followed. A regular file is replaced whole, with its mode kept; devices and pipes are written through. A file that
/// this process has as its standard output or error is written through as well, so that neither overwrites the other.
public final class OutputTarget: Sendable {
  /// The path as the user gave it.
  public let path: String
  let kind: Kind

  enum Kind: Sendable {
    /// A regular file, or none yet, at a path that is no link.
    case file(resolved: String)
    /// A device or a pipe, open for writing.
    case stream(Int32)
  }

  /// Finds out what lies at `path` and whether it can be written.
  ///
  /// Nothing is changed, except that a pipe is opened. Missing folders above the file are made when it is written.
  ///
  /// - Parameters:
  ///   - path: a name, links followed.
  ///   - inputs: files and folders that the caller reads. What is one of them, or lies in one of them already, is not replaced.
  /// - Throws: ``FileError`` `.unwritable`: `path` is empty, a folder, a disk, a socket or a pipe that nobody reads; it may not be
  ///   written; it is an input, or a database, which is never a result; or no file can be made in its folder.
  public init(_ path: String, besides inputs: [String] = []) throws(FileError) {
    self.path = path
    guard !path.isEmpty else { throw FileError(.unwritable, "“”", "is not the name of a file") }
    guard let status = FileStatus.of(path) else {
      kind = .file(resolved: try Self.checkedNewFile(path))
      return
    }
    switch FileKind(mode: status.st_mode) {
    case .regular:
      if let own = Self.standardStream(like: status) {
        kind = .stream(try Self.duplicate(own, path: path))
      } else {
        try OldFile(path: path, status: status).checkReplaceable(besides: inputs)
        kind = .file(resolved: try Self.checkedOldFile(path))
      }
    case .characterDevice, .pipe: kind = .stream(try Self.openStream(path))
    case let other: throw FileError(.unwritable, path, "is \(other.words) and cannot be written to")
    }
  }

  deinit {
    if case .stream(let descriptor) = kind { close(descriptor) }
  }

  /// Whether ``write(_:)`` may be called again and then replaces what the call before has written; a stream cannot take back.
  public var isReplaceable: Bool {
    if case .file = kind { true } else { false }
  }

  /// Whether both are the same regular file.
  public func isSameFile(as other: OutputTarget) -> Bool {
    guard case .file(let own) = kind, case .file(let others) = other.kind else { return false }
    if own == others { return true }
    if Self.isSame(own, others) { return true }
    // Of files that are not there yet, the folders and the names decide.
    return own.lastPathPart == others.lastPathPart && Self.isSame(own.parentPath, others.parentPath)
  }

  private static func isSame(_ path: String, _ other: String) -> Bool {
    guard let one = FileIdentity(following: path) else { return false }
    return one == FileIdentity(following: other)
  }

  /// Writes the whole content: a regular file appears whole or not at all.
  ///
  /// - Throws: ``FileError`` `.unwritable` with the system's reason; a regular file is then as it was.
  public func write(_ bytes: [UInt8]) throws(FileError) {
    let file = try OutputFile(self)
    try file.write(bytes)
    try file.publish()
  }

  // MARK: Parts

  private static func checkedOldFile(_ path: String) throws(FileError) -> String {
    guard access(path, W_OK) == 0 else {
      throw FileError(.unwritable, path, "may not be written", errno: errno)
    }
    let resolved = try followed(path)
    try checkFolder(of: resolved, path: path)
    return resolved
  }

  private static func checkedNewFile(_ path: String) throws(FileError) -> String {
    let resolved = try followed(path)
    guard !resolved.hasSuffix("/") else { throw FileError(.unwritable, path, "is the name of a folder") }
    try checkFolder(of: resolved, path: path)
    return resolved
  }

  /// The path at the end of a chain of links, where there may be nothing yet.
  private static func followed(_ path: String) throws(FileError) -> String {
    var current = path
    for _ in 0..<40 {
      guard let status = FileStatus.ofLink(current), FileKind(mode: status.st_mode) == .link else { return current }
      var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
      let length = readlink(current, &buffer, buffer.count)
      guard length >= 0 else { throw FileError(.unwritable, path, "is a link that cannot be read", errno: errno) }
      let target = String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      current = target.hasPrefix("/") ? target : current.parentPath + "/" + target
    }
    throw FileError(.unwritable, path, "cannot be written", errno: ELOOP)
  }

  /// Refuses a folder in which no file can be made; of a missing one, the nearest that exists above it counts.
  private static func checkFolder(of resolved: String, path: String) throws(FileError) {
    var folder = resolved.parentPath
    while FileStatus.of(folder) == nil, errno == ENOENT, folder != "/", folder != "." { folder = folder.parentPath }
    guard let status = FileStatus.of(folder) else {
      throw FileError(.unwritable, path, "cannot be made", errno: errno)
    }
    guard FileKind(mode: status.st_mode) == .folder else {
      throw FileError(.unwritable, path, "cannot be made: \(folder) is \(FileKind(mode: status.st_mode).words)")
    }
    guard access(folder, W_OK | X_OK) == 0 else {
      throw FileError(.unwritable, path, "cannot be made in \(folder)", errno: errno)
    }
    guard resolved.lastPathPart.utf8.count <= Int(NAME_MAX) else {
      throw FileError(.unwritable, path, "cannot be made", errno: ENAMETOOLONG)
    }
    // Permissions do not tell everything: some file systems take no files from anybody.
    let trial = folder == resolved.parentPath ? resolved : folder + "/" + resolved.lastPathPart
    try TemporaryFile(beside: trial, path: path, mode: 0o600).discard()
  }

  private static func standardStream(like status: stat) -> Int32? {
    [STDOUT_FILENO, STDERR_FILENO].first { FileIdentity(descriptor: $0) == FileIdentity(status) }
  }

  private static func duplicate(_ descriptor: Int32, path: String) throws(FileError) -> Int32 {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
    guard copy >= 0 else { throw FileError(.unwritable, path, "cannot be written", errno: errno) }
    return copy
  }

  private static func openStream(_ path: String) throws(FileError) -> Int32 {
    // Opening a pipe that nobody reads would wait for a reader.
    let descriptor = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
    guard descriptor >= 0 else {
      guard errno != ENXIO else { throw FileError(.unwritable, path, "is a pipe that nobody reads") }
      throw FileError(.unwritable, path, "cannot be written", errno: errno)
    }
    // Writing may wait: the reader decides how fast it reads.
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
    return descriptor
  }
}
