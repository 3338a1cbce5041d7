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
/// abandoned before, it leaves nothing behind. Devices and pipes get the pieces as they come.
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
  private var descriptor: Int32
  /// `nil` for devices and pipes.
  private var temporary: String?

  /// Begins to write; folders that are missing above a file that may replace another are made.
  ///
  /// - Throws: ``FileError`` `.unwritable`; also when a regular file exists that shall stay.
  public init(_ target: OutputTarget, existing: Existing = .replace) throws(FileError) {
    self.target = target
    self.existing = existing
    switch target.kind {
    case .stream(let open):
      descriptor = open
    case .file(let resolved):
      switch existing {
      case .refuse: try Self.refuseExisting(resolved, path: target.path)
      case .replace: try OutputFolder.make(resolved.parentPath)
      }
      let (open, name) = try Self.openTemporary(beside: resolved, path: target.path)
      (descriptor, temporary) = (open, name)
      UnfinishedFiles.insert(name)
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
    guard temporary != nil, descriptor >= 0 else { return }
    let synchronized = fsync(descriptor) == 0 || errno == EINVAL
    let failure = errno
    let closed = Self.closeDescriptor(descriptor) == 0
    descriptor = -1
    guard synchronized && closed else {
      throw FileError(.unwritable, path, "cannot be written", errno: synchronized ? errno : failure)
    }
  }

  /// Gives the finished file its name.
  ///
  /// - Throws: ``FileError`` `.unwritable`; what was at the path is then as it was.
  public func publish() throws(FileError) {
    try close()
    guard let temporary, case .file(let resolved) = target.kind else { return }
    if existing == .refuse { try Self.refuseExisting(resolved, path: path) }
    if let old = FileStatus.of(resolved) { Self.copyOwnership(of: old, to: temporary) }
    if rename(temporary, resolved) != 0 {
      let failure = errno
      // A file that is mounted by itself, as containers do, has no place beside it that could take its name.
      guard failure == EBUSY || failure == EXDEV else {
        throw FileError(.unwritable, path, "cannot be renamed", errno: failure)
      }
      try copyInPlace(from: temporary, to: resolved)
      unlink(temporary)
    }
    UnfinishedFiles.remove(temporary)
    self.temporary = nil
  }

  deinit {
    guard let temporary else { return }
    if descriptor >= 0 { _ = Self.closeDescriptor(descriptor) }
    unlink(temporary)
    UnfinishedFiles.remove(temporary)
  }

  // MARK: Parts

  private static func refuseExisting(_ resolved: String, path: String) throws(FileError) {
    guard FileStatus.ofLink(resolved) == nil else {
      throw FileError(.unwritable, path, "exists already; choose another folder or remove it")
    }
  }

  /// Makes a file beside `resolved` and removes it again.
  static func probe(beside resolved: String, path: String) throws(FileError) {
    let (descriptor, temporary) = try openTemporary(beside: resolved, path: path)
    _ = closeDescriptor(descriptor)
    unlink(temporary)
  }

  /// A new file beside `resolved`, with the mode that any new file of this process has.
  private static func openTemporary(beside resolved: String, path: String) throws(FileError) -> (Int32, String) {
    // Room for the dots, eight digits and the ending within the longest name.
    let name = String(decoding: resolved.lastPathPart.utf8.prefix(Int(NAME_MAX) - 20), as: UTF8.self)
    for _ in 0..<100 {
      let digits = String(UInt32.random(in: .min ... .max), radix: 16)
      let temporary = resolved.parentPath + "/.\(name).\(digits).partial"
      let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if descriptor >= 0 { return (descriptor, temporary) }
      guard errno == EEXIST else { break }
    }
    throw FileError(.unwritable, path, "cannot be made", errno: errno)
  }

  /// Mode and owner as far as this process may set them.
  private static func copyOwnership(of old: stat, to temporary: String) {
    if let new = FileStatus.of(temporary), new.st_uid != old.st_uid || new.st_gid != old.st_gid {
      _ = chown(temporary, old.st_uid, old.st_gid)
    }
    chmod(temporary, old.st_mode & 0o7777)
  }

  private func copyInPlace(from temporary: String, to resolved: String) throws(FileError) {
    let bytes = try InputFile.bytes(of: temporary, limit: .max - 1)
    let place = open(resolved, O_WRONLY | O_TRUNC | O_CLOEXEC)
    guard place >= 0 else { throw FileError(.unwritable, path, "cannot be written", errno: errno) }
    descriptor = place
    try write(bytes)
    try close()
  }

  private static func closeDescriptor(_ descriptor: Int32) -> Int32 {
    #if canImport(Glibc)
      Glibc.close(descriptor)
    #elseif canImport(Musl)
      Musl.close(descriptor)
    #else
      Darwin.close(descriptor)
    #endif
  }
}
