#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// One result on its way into a file, in pieces of any size.
///
/// A regular file is written beside its place under a temporary name, `.NAME.XXXXXXXX.partial`, and gets its name with ``publish()``;
/// abandoned before, it leaves nothing behind. What a process that was killed left under such a name goes when the next one writes the
/// same file. Devices and pipes get the pieces as they come.
public final class OutputFile {
  /// What to do with a regular file that exists.
  public enum Existing: Sendable {
    /// The new file takes its place and its mode.
    case replace
    /// It stays, and writing is refused; so it is where the folder does not exist.
    case refuse
  }

  /// The path as the user gave it.
  public var path: String { target.path }

  private let target: OutputTarget
  private let existing: Existing
  /// The mode of the file, whatever the one before had; `nil`: as that one, or as any new file.
  private let mode: mode_t?
  private var descriptor: Int32
  /// `nil` for devices and pipes.
  private var temporary: TemporaryFile?
  private var flushed = FlushedBytes()
  /// What was published and stays locked.
  private var published: TemporaryFile?

  /// Begins to write; folders that are missing above a file that may replace another are made.
  ///
  /// - Parameter isPrivate: a regular file is for this user alone, also where one took its place that others may read.
  /// - Throws: ``FileError`` `.unwritable`; also when a regular file exists that shall stay.
  public init(_ target: OutputTarget, existing: Existing = .replace, isPrivate: Bool = false) throws(FileError) {
    self.target = target
    self.existing = existing
    mode = isPrivate ? 0o600 : nil
    switch target.kind {
    case .stream(let open):
      descriptor = open
    case .file(let resolved):
      switch existing {
      case .refuse: try Self.refuseExisting(resolved, path: target.path)
      case .replace: try OutputFolder.make(resolved.parentPath)
      }
      TemporaryFile.removeAbandoned(beside: resolved)
      let temporary = try TemporaryFile(beside: resolved, path: target.path, mode: mode ?? 0o666)
      descriptor = temporary.descriptor
      self.temporary = temporary
    }
  }

  /// As ``init(_:existing:)``, of a path.
  public convenience init(path: String, existing: Existing = .replace) throws(FileError) {
    try self.init(try OutputTarget(path), existing: existing)
  }

  /// Appends bytes.
  ///
  /// - Throws: ``FileError`` `.unwritable` with the system's reason, e.g. that no space is left.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    do throws(WriteFailure) { try WholeWrite.write(bytes, to: descriptor) } catch {
      throw FileError(.unwritable, path, "cannot be written", errno: error.number)
    }
    if temporary != nil { flushed.add(bytes.count, of: descriptor) }
  }

  /// Appends what a regular file holds, a piece at a time.
  ///
  /// - Throws: ``FileError`` `.unreadable` of that file, `.unwritable` of this one.
  public func write(contentsOf source: String) throws(FileError) {
    try InputFile.forEachPiece(of: source) { piece throws(FileError) in try write(piece) }
  }

  /// Appends bytes.
  ///
  /// - Throws: ``FileError``, as the other method.
  public func write(_ bytes: [UInt8]) throws(FileError) {
    let result = bytes.withUnsafeBytes { buffer in
      Result { () throws(FileError) in try write(buffer) }
    }
    try result.get()
  }

  /// Ends writing; a regular file keeps its temporary name until ``publish()``.
  ///
  /// - Throws: ``FileError`` `.unwritable` when the bytes did not reach the disk.
  public func close() throws(FileError) {
    guard let temporary else { return try checkStream() }
    guard descriptor >= 0 else { return }
    let synchronized = fsync(descriptor) == 0 || errno == EINVAL
    let failure = errno
    let closed = temporary.close()
    descriptor = -1
    guard synchronized && closed == 0 else {
      throw FileError(.unwritable, path, "cannot be written", errno: synchronized ? closed : failure)
    }
  }

  /// Gives the finished file its name.
  ///
  /// A file that is mounted by itself, as containers do, has no place beside it that could take its name, and is written over instead.
  ///
  /// - Parameters:
  ///   - endsWithProcess: the file goes with this process (``UnfinishedFiles``), unless its owner removes it before.
  ///   - locked: a regular file is locked (``FileLock``) from before it has its name until this object goes.
  /// - Throws: ``FileError`` `.unwritable`; what was at the path is then as it was. Where a mounted file could not be written over, the
  ///   error names the file beside it, which stays and holds the whole result.
  public func publish(endsWithProcess: Bool = false, locked: Bool = false) throws(FileError) {
    try close()
    guard let temporary, case .file(let resolved) = target.kind else { return }
    // Before it has its name, so that there is no moment in which nobody would remove it.
    if endsWithProcess { UnfinishedFiles.insert(resolved, likeFileAt: temporary.path) }
    if let old = FileStatus.of(resolved) { copyOwnership(of: old, to: temporary.path) }
    if let failure = existing == .refuse
      ? Self.renameNew(temporary.path, resolved) : Self.rename(temporary.path, resolved)
    {
      if existing == .refuse, failure == EEXIST { throw Self.existsAlready(path) }
      guard failure == EBUSY || failure == EXDEV else {
        throw FileError(.unwritable, path, "cannot be renamed", errno: failure)
      }
      try copyInPlace(from: temporary, to: resolved)
      unlink(temporary.path)
    }
    temporary.forget()
    self.temporary = nil
    if locked { published = temporary }
  }

  deinit { temporary?.discard() }

  // MARK: Parts

  /// A stream's descriptor is its target's to close, and where that fails nobody would hear of it: closing a copy tells now whether what
  /// was written has arrived.
  private func checkStream() throws(FileError) {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
    guard copy >= 0 else { return }
    guard closeDescriptor(copy) == 0 else { throw FileError(.unwritable, path, "cannot be written", errno: errno) }
  }

  private static func existsAlready(_ path: String) -> FileError {
    FileError(.unwritable, path, "exists already; choose another folder or remove it")
  }

  private static func refuseExisting(_ resolved: String, path: String) throws(FileError) {
    guard FileStatus.ofLink(resolved) == nil else { throw existsAlready(path) }
  }

  /// - Returns: the error's number; `nil` when it was done.
  private static func rename(_ old: String, _ new: String) -> Int32? {
    #if canImport(Glibc)
      Glibc.rename(old, new) == 0 ? nil : errno
    #elseif canImport(Musl)
      Musl.rename(old, new) == 0 ? nil : errno
    #else
      Darwin.rename(old, new) == 0 ? nil : errno
    #endif
  }

  /// As ``rename(_:_:)``, and `EEXIST` where there is something: nobody can come between looking and naming.
  private static func renameNew(_ old: String, _ new: String) -> Int32? {
    if link(old, new) == 0 {
      unlink(old)
      return nil
    }
    // Some file systems have no second names for a file.
    guard [EPERM, EOPNOTSUPP, ENOSYS, EMLINK].contains(errno) else { return errno }
    return FileStatus.ofLink(new) == nil ? rename(old, new) : EEXIST
  }

  /// Mode and owner as far as this process may set them.
  private func copyOwnership(of old: stat, to temporary: String) {
    if let new = FileStatus.of(temporary), new.st_uid != old.st_uid || new.st_gid != old.st_gid {
      _ = chown(temporary, old.st_uid, old.st_gid)
    }
    chmod(temporary, mode ?? (old.st_mode & 0o7777))
  }

  private func copyInPlace(from temporary: TemporaryFile, to resolved: String) throws(FileError) {
    let place = open(resolved, O_WRONLY | O_CLOEXEC)
    guard place >= 0 else { throw FileError(.unwritable, path, "cannot be written", errno: errno) }
    var failure: Int32?
    var size = 0
    do throws(FileError) {
      try InputFile.forEachPiece(of: temporary.path) { piece throws(FileError) in
        guard failure == nil else { return }
        do throws(WriteFailure) { try WholeWrite.write(piece, to: place) } catch { failure = error.number }
        size += piece.count
      }
    } catch {
      _ = closeDescriptor(place)
      throw temporary.kept(path, error.message)
    }
    if failure == nil, ftruncate(place, off_t(size)) != 0 || fsync(place) != 0 { failure = errno }
    if closeDescriptor(place) != 0, failure == nil { failure = errno }
    if let failure { throw temporary.kept(path, SystemReason.text(failure)) }
  }
}
