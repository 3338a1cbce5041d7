#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file under a temporary name, `.NAME.XXXXXXXX.partial`, beside the place that it will have.
///
/// It is locked as long as its owner lives, also when it is closed: so the next process can tell what the living write from what the dead
/// have left.
final class TemporaryFile {
  /// Where it is.
  let path: String
  /// Open for writing until ``close()``.
  private(set) var descriptor: Int32
  /// The same open file once more, for the lock.
  private let lock: Int32
  private var isWanted = true

  private static let ending = ".partial"

  /// Makes the file.
  ///
  /// - Parameters:
  ///   - resolved: the place that it will have.
  ///   - path: that place as the user gave it.
  ///   - mode: as `open` takes it.
  /// - Throws: ``FileError`` `.unwritable`.
  init(beside resolved: String, path: String, mode: mode_t) throws(FileError) {
    var failure: Int32 = 0
    for _ in 0..<100 {
      let digits = String(UInt32.random(in: .min ... .max), radix: 16)
      let temporary = "\(resolved.parentPath)/\(Self.beginning(of: resolved))\(digits)\(Self.ending)"
      let (descriptor, reason) = UnfinishedFiles.make { listing in
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { return (descriptor, errno) }
        listing.insert(temporary)
        return (descriptor, 0)
      }
      failure = reason
      guard descriptor >= 0 else {
        guard reason == EEXIST else { break }
        continue
      }
      // Between making and locking another process may have taken it for a dead one's. File systems without locks have no such process.
      if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
        _ = closeDescriptor(descriptor)
        unlink(temporary)
        UnfinishedFiles.remove(temporary)
        continue
      }
      guard let status = FileStatus.of(descriptor: descriptor), status.st_nlink > 0 else {
        _ = closeDescriptor(descriptor)
        UnfinishedFiles.remove(temporary)
        continue
      }
      self.descriptor = descriptor
      self.path = temporary
      lock = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
      return
    }
    throw FileError(.unwritable, path, "cannot be made", errno: failure)
  }

  deinit {
    _ = close()
    if lock >= 0 { _ = closeDescriptor(lock) }
  }

  /// Closes it for writing.
  ///
  /// - Returns: the error's number, or 0.
  func close() -> Int32 {
    guard descriptor >= 0 else { return 0 }
    defer { descriptor = -1 }
    return closeDescriptor(descriptor) == 0 ? 0 : errno
  }

  /// Says that there is no such file any more: it has its name.
  func forget() {
    isWanted = false
    UnfinishedFiles.remove(path)
  }

  /// Removes it, unless it has got its name or was kept.
  func discard() {
    guard isWanted else { return }
    unlink(path)
    forget()
  }

  /// The error of a result that could not be written in its place, and stays here.
  func kept(_ place: String, _ reason: String) -> FileError {
    forget()
    return FileError(.unwritable, place, "cannot be written: \(reason); the whole result is in \(path)")
  }

  /// Removes what processes that were killed have left of the file at `resolved`.
  static func removeAbandoned(beside resolved: String) {
    let folder = resolved.parentPath, beginning = beginning(of: resolved)
    guard let stream = opendir(folder) else { return }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      guard name.hasPrefix(beginning), name.hasSuffix(ending) else { continue }
      let digits = name.dropFirst(beginning.count).dropLast(ending.count)
      guard (1...8).contains(digits.count), digits.allSatisfy(\.isHexDigit) else { continue }
      removeIfAbandoned("\(folder)/\(name)")
    }
  }

  private static func removeIfAbandoned(_ path: String) {
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    defer { _ = closeDescriptor(descriptor) }
    guard let status = FileStatus.of(descriptor: descriptor), FileKind(mode: status.st_mode) == .regular,
      status.st_uid == geteuid(), flock(descriptor, LOCK_EX | LOCK_NB) == 0
    else { return }
    unlink(path)
  }

  private static func beginning(of resolved: String) -> String {
    // Room for the dots, eight digits and the ending within the longest name.
    ".\(String(decoding: resolved.lastPathPart.utf8.prefix(Int(NAME_MAX) - 20), as: UTF8.self))."
  }
}

/// Sends what is written on to the disk in steps: so the last wait is short, however large the file is, and a signal that wants to end
/// the process does not wait for gigabytes.
struct FlushedBytes {
  private static let step = 64 << 20
  private var waiting = 0

  /// - Parameter count: bytes that have just been written to `descriptor`.
  mutating func add(_ count: Int, of descriptor: Int32) {
    waiting += count
    guard waiting >= Self.step else { return }
    waiting = 0
    // What fails here fails again at the end.
    _ = fsync(descriptor)
  }
}

/// The system's `close`, for types that have a method of that name.
func closeDescriptor(_ descriptor: Int32) -> Int32 { close(descriptor) }
